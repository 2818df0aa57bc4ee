import type { Connectivity } from '../engine/ports.js';

type Listens = Pick<EventTarget, 'addEventListener'>;

/** What may be missing where this runs: Node, a worker, React Native. */
interface Platform extends Partial<Listens> {
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: Listens & { readonly visibilityState: string };
}

/**
 * The browser's opinion: `navigator.onLine` with its events, and a wake whenever the page comes back to somebody
 * (focus, tab shown, back/forward cache). Where there is no `navigator`: online, and never a word.
 */
export function browserConnectivity(): Connectivity {
  const platform = globalThis as Platform;
  return {
    get online() {
      return platform.navigator?.onLine ?? true;
    },
    subscribe(listener) {
      const subscribed = new AbortController();
      const { signal } = subscribed;
      const { document } = platform;
      for (const type of ['online', 'offline', 'focus', 'pageshow'])
        platform.addEventListener?.(type, () => listener(), { signal });
      document?.addEventListener(
        'visibilitychange',
        () => {
          if (document.visibilityState === 'visible') listener();
        },
        { signal },
      );
      return () => subscribed.abort();
    },
  };
}
