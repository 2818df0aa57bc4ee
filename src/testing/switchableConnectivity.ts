import type { Connectivity } from '../engine/ports.js';

export interface SwitchableConnectivity extends Connectivity {
  /** The platform changes its opinion; tells subscribers when that is news. */
  setOnline(online: boolean): void;
  /** The page comes back to somebody. */
  wake(): void;
}

/** A platform whose opinion of the network a test decides. */
export function switchableConnectivity(initiallyOnline = true): SwitchableConnectivity {
  let online = initiallyOnline;
  const listeners = new Set<{ readonly call: () => void }>();
  const wake = (): void => {
    for (const { call } of [...listeners]) call();
  };
  return {
    get online() {
      return online;
    },
    subscribe(call) {
      const entry = { call };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    setOnline(next) {
      if (next === online) return;
      online = next;
      wake();
    },
    wake,
  };
}
