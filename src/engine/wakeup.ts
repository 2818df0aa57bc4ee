import type { Clock } from './ports.js';

/** A loop's alarm clock: it sleeps until a time, or until somebody calls. A call while nobody sleeps is not lost. */
export interface Wakeup {
  readonly wake: () => void;
  /** Resolves at `at` (monotonic milliseconds; Infinity: only when called), on `wake`, or when `signal` is aborted. */
  wait(at: number, signal: AbortSignal): Promise<void>;
}

export function createWakeup(clock: Clock): Wakeup {
  let called = false;
  let alarm: AbortController | undefined;
  return {
    wake() {
      if (called) return; // ten thousand that leave at once wake the loop once
      called = true;
      alarm?.abort();
    },
    async wait(at, signal) {
      if (!called && !signal.aborted) {
        alarm = new AbortController();
        const own = alarm;
        const abort = (): void => own.abort();
        signal.addEventListener('abort', abort);
        if (at === Infinity)
          await new Promise<void>((resolve) => own.signal.addEventListener('abort', () => resolve()));
        else await clock.sleep(Math.max(0, at - clock.monotonic()), own.signal);
        signal.removeEventListener('abort', abort);
      }
      alarm = undefined;
      called = false;
    },
  };
}
