import { useMemo } from 'react';
import { deriveStatus, type SyncStatus } from '../domain/status.js';
import { useSelected, type Source } from './useSelected.js';
import { useSyncClient } from './useSyncClient.js';

/**
 * The state of synchronisation (OS1), or what `select` takes from it: then only a change of that re-renders.
 * @example
 * const pending = useSyncStatus((status) => status.pending)
 */
export function useSyncStatus(): SyncStatus;
export function useSyncStatus<S>(select: (status: SyncStatus) => S): S;
export function useSyncStatus(select: (status: SyncStatus) => unknown = itself): unknown {
  const { status } = useSyncClient();
  const source = useMemo(
    (): Source<SyncStatus> => ({
      subscribe: (listener) => status.subscribe(listener),
      get: () => status.get(),
      getServer: () => STARTING,
    }),
    [status],
  );
  return useSelected(source, select);
}

const itself = (status: SyncStatus): SyncStatus => status;

/** On a server nothing is known yet; it says nothing that would alarm a user. */
const STARTING: SyncStatus = deriveStatus({
  ready: false,
  paused: false,
  online: true,
  leader: false,
  durable: true,
  pending: 0,
  sending: 0,
  held: 0,
  conflicts: 0,
  failed: 0,
  needsAttention: 0,
  needsAuth: false,
  breaker: { state: 'closed' },
  lastSyncedAt: undefined,
  progress: undefined,
});
