import type { Platform } from '../engine/ports.js';
import { ascendingIds } from './ascendingIds.js';
import { memoryStorage } from './memoryStorage.js';
import { systemClock } from './systemClock.js';

/** What every JavaScript runtime offers: no storage that lasts, no other tabs, a network that may be there. */
export function corePlatform(): Platform {
  return {
    storage: memoryStorage,
    fallback: memoryStorage,
    connectivity: () => ({ online: true, subscribe: () => () => undefined }),
    lease: () => ({ hold: (_name, _signal, work) => work() }),
    tabs: () => ({ open: () => ({ announce: () => undefined, close: () => undefined }) }),
    clock: systemClock(),
    random: Math.random,
    createId: ascendingIds(),
    logger: console,
  };
}
