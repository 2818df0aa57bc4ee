import { SyncError } from '../domain/errors.js';
import type { SyncStorage } from './ports.js';

/** `storage`, or `fallback` when it cannot be opened: the app works on, and is told once that edits are not durable. */
export function fallbackStorage(
  storage: SyncStorage,
  fallback: () => SyncStorage,
  degraded: (error: SyncError) => void,
): SyncStorage {
  let chosen = storage;
  return {
    get durable() {
      return chosen.durable;
    },
    async open(namespace) {
      try {
        await storage.open(namespace);
      } catch (cause) {
        chosen = fallback();
        await chosen.open(namespace);
        degraded(
          new SyncError(
            'STORAGE',
            'The storage could not be opened, so edits are kept in memory only and are lost when this page closes. Check that the browser allows site data.',
            { cause },
          ),
        );
      }
    },
    load: (since) => chosen.load(since),
    write: (write) => chosen.write(write),
    destroy: () => chosen.destroy(),
    close: () => chosen.close(),
  };
}
