import { useCallback, useSyncExternalStore } from 'react';

const TICK_MS = 250;

const everyTick = (listener: () => void): (() => void) => {
  const timer = setInterval(listener, TICK_MS);
  return () => clearInterval(timer);
};
const never = () => (): void => undefined;

/** Whole seconds until `at`, in milliseconds since the epoch; renders again as they pass. */
export function useCountdown(at: number | undefined, now: () => number = Date.now): number | undefined {
  const secondsLeft = useCallback(
    () => (at === undefined ? undefined : Math.max(0, Math.ceil((at - now()) / 1000))),
    [at, now],
  );
  return useSyncExternalStore(at === undefined ? never : everyTick, secondsLeft);
}
