import { useMemo, useSyncExternalStore } from 'react';
import { keepIdentity } from '../domain/keepIdentity.js';
import type { PendingFilter, PendingMutationView } from '../engine/pendingView.js';
import { derived } from './derived.js';
import { useHeld } from './useHeld.js';
import { useSyncClient } from './useSyncClient.js';

/**
 * The mutations that the server has not decided yet, in order, and those that need attention: those of any component,
 * mounted or not, of other tabs and of former sessions (RE2). The array keeps its identity until one of them changed.
 * @example
 * const saving = usePendingMutations({ collection: 'todos', id }).length > 0
 */
export function usePendingMutations(filter: PendingFilter = {}): readonly PendingMutationView[] {
  const client = useSyncClient();
  const { token, name, collection, id, state } = filter;
  const asked = useHeld(filter, [token, name, collection, id, state]);
  const { subscribe, get } = useMemo(
    () => ({
      subscribe: (listener: () => void) => client.watchMutations(listener),
      get: derived(
        () => client.pending(),
        () => client.pending(asked),
        keepIdentity,
      ),
    }),
    [client, asked],
  );
  return useSyncExternalStore(subscribe, get, () => NOTHING);
}

const NOTHING: readonly never[] = [];
