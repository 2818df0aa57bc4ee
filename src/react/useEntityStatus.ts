import { useCallback, useSyncExternalStore } from 'react';
import type { AnyCollection } from '../domain/collection.js';
import type { EntityStatus } from '../domain/status.js';
import { useSyncClient } from './useSyncClient.js';

/** What is to be said of one row: `synced`, or what its pending mutations are waiting for (OS2). */
export function useEntityStatus(collection: AnyCollection, id: string): EntityStatus {
  const client = useSyncClient();
  const subscribe = useCallback((listener: () => void) => client.watchMutations(listener), [client]);
  return useSyncExternalStore(
    subscribe,
    () => client.entityStatus(collection, id),
    () => 'synced',
  );
}
