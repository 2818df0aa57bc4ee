/** How a wait ended. */
export type Woken = 'woken' | 'timeout' | 'aborted';

/** A bell for one waiting loop. A ring while nobody waits is kept for the next wait. */
export interface Wakeup {
  wake(): void;
  /** Waits for a ring, at most `ms` (`Infinity`: no timer, which would keep the process alive), or until `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<Woken>;
}

/** Makes a {@link Wakeup}. Leaves no timer and no listener behind. */
export function createWakeup(): Wakeup {
  let rung = false;
  let ring: (() => void) | undefined;
  return {
    wake() {
      rung = true;
      ring?.();
    },
    wait(ms, signal) {
      return new Promise((resolve) => {
        const finish = (how: Woken): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          ring = undefined;
          if (how === 'woken') rung = false;
          resolve(how);
        };
        const onAbort = (): void => finish('aborted');
        const timer = ms === Infinity ? undefined : setTimeout(() => finish('timeout'), ms);
        signal.addEventListener('abort', onAbort);
        ring = () => finish('woken');
        if (signal.aborted) finish('aborted');
        else if (rung) finish('woken');
      });
    },
  };
}
