import type { Clock } from '../engine/ports.js';
import { breathe } from './breathe.js';

// Timers keep their delay in 32 bits; a longer one would fire at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The platform's clock and timers. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted === true) {
          resolve();
          return;
        }
        if (ms === 0) {
          resolve(breathe());
          return;
        }
        let timer: ReturnType<typeof setTimeout>;
        let left = Math.max(ms, 0);
        const wait = (): void => {
          const part = Math.min(left, LONGEST_TIMER_MS);
          left -= part;
          timer = setTimeout(left > 0 ? wait : end, part);
        };
        const end = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        signal?.addEventListener('abort', end);
        wait();
      });
    },
  };
}
