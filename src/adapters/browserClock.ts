import type { Clock } from '../engine/ports.js';
import { breathe } from './breathe.js';
import { systemClock } from './systemClock.js';

/** A page, as far as it is one: a worker has no document, and is never hidden. */
interface Page extends Partial<Pick<EventTarget, 'addEventListener'>> {
  readonly document?: Pick<EventTarget, 'addEventListener'> & { readonly visibilityState: string };
}

/** The platform's clock and timers, and the turns that a page gives its tasks. */
export function browserClock(): Clock {
  const page = globalThis as Page;
  return {
    ...systemClock(),
    async turn() {
      const { document } = page;
      if (document === undefined || document.visibilityState === 'hidden') return;
      const over = new AbortController();
      const { signal } = over;
      const left = new Promise<void>((resolve) => {
        document.addEventListener('visibilitychange', () => resolve(), { signal });
        page.addEventListener?.('pagehide', () => resolve(), { signal });
      });
      await Promise.race([breathe(), left]);
      over.abort();
    },
  };
}
