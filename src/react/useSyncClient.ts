import { useContext } from 'react';
import { SyncError } from '../domain/errors.js';
import type { SyncClient } from '../engine/client.js';
import { SyncContext } from './syncContext.js';

/** The client of the nearest `SyncProvider`. Throws `INVALID_OPTIONS` when there is none. */
export function useSyncClient(): SyncClient {
  const client = useContext(SyncContext);
  if (client === undefined)
    throw new SyncError(
      'INVALID_OPTIONS',
      'There is no client here: wrap this component in <SyncProvider client={…}>.',
    );
  return client;
}
