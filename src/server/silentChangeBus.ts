import type { ChangeBus } from './changeBus.js';

/**
 * Tells nobody: for a single instance, or where the database has no LISTEN and a delay of `pollMs` between instances
 * is good enough.
 */
export function silentChangeBus(): ChangeBus {
  return {
    publish: () => Promise.resolve(),
    subscribe: () => Promise.resolve(() => Promise.resolve()),
  };
}
