import type { Clock } from '../engine/ports.js';
import { breathe, hurry } from './breathe.js';
import { systemClock } from './systemClock.js';

/** A page, as far as it is one: a worker has no document, and is never hidden. */
interface Page extends Partial<Pick<EventTarget, 'addEventListener'>> {
  readonly document?: Pick<EventTarget, 'addEventListener'> & { readonly visibilityState: string };
}

/** The platform's clock and timers, and the turns that a page gives its tasks. */
export function browserClock(): Clock {
  const page = globalThis as Page;
  let heeds = false;
  return {
    ...systemClock(),
    async turn() {
      const { document } = page;
      if (document === undefined || document.visibilityState === 'hidden') return;
      if (!heeds) {
        // Once, and for good: that somebody listens to these is told to the browser's own process every time.
        document.addEventListener('visibilitychange', hurry);
        page.addEventListener?.('pagehide', hurry);
      }
      heeds = true;
      await breathe();
    },
  };
}
