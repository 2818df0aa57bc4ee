import { useSyncExternalStore } from 'react';

const TICK_MS = 250;

const everyTick = (listener: () => void): (() => void) => {
  const timer = setInterval(listener, TICK_MS);
  return () => clearInterval(timer);
};
const never = () => (): void => undefined;
const ticks = (): number => Math.floor(performance.now() / TICK_MS);

/** Whole seconds until `at`, on the scale of `performance.now()`; renders again as they pass. */
export function useCountdown(at: number | undefined): number | undefined {
  const now = useSyncExternalStore(at === undefined ? never : everyTick, ticks) * TICK_MS;
  return at === undefined ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}
