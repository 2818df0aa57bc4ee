import { useMemo, useSyncExternalStore } from 'react';
import type { ConflictFilter, ConflictView } from '../engine/conflictView.js';
import { keepIdentity } from '../domain/keepIdentity.js';
import { derived } from './derived.js';
import { useHeld } from './useHeld.js';
import { useSyncClient } from './useSyncClient.js';

/**
 * The conflicts that wait for the user (CF4): those of any component, of other tabs and of former sessions.
 * `client.resolve` takes them away. The array keeps its identity until one of them changed.
 * @example
 * const [conflict] = useConflicts({ collection: 'todos', id })
 */
export function useConflicts(filter: ConflictFilter = {}): readonly ConflictView[] {
  const client = useSyncClient();
  const { collection, id } = filter;
  const asked = useHeld(filter, [collection, id]);
  const { subscribe, get } = useMemo(
    () => ({
      subscribe: (listener: () => void) => client.watchMutations(listener),
      get: derived(
        () => client.conflicts(),
        (): readonly ConflictView[] => client.conflicts(asked),
        keepIdentity,
      ),
    }),
    [client, asked],
  );
  return useSyncExternalStore(subscribe, get, () => NOTHING);
}

const NOTHING: readonly never[] = [];
