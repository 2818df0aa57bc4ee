import { useMemo, useSyncExternalStore } from 'react';
import type { DeadLetterFilter, DeadLetterView } from '../engine/deadLetterView.js';
import { keepIdentity } from '../domain/keepIdentity.js';
import { derived } from './derived.js';
import { useHeld } from './useHeld.js';
import { useSyncClient } from './useSyncClient.js';

/**
 * The mutations that were refused and are kept for the user (RT7): those of any component, of other tabs and of former
 * sessions. `client.retry` and `client.discard` take them away. The array keeps its identity until one of them changed.
 * @example
 * const refused = useDeadLetters({ collection: 'todos', id })
 */
export function useDeadLetters(filter: DeadLetterFilter = {}): readonly DeadLetterView[] {
  const client = useSyncClient();
  const { token, name, collection, id, needsAttention } = filter;
  const asked = useHeld(filter, [token, name, collection, id, needsAttention]);
  const { subscribe, get } = useMemo(
    () => ({
      subscribe: (listener: () => void) => client.watchMutations(listener),
      get: derived(
        () => client.deadLetters(),
        (): readonly DeadLetterView[] => client.deadLetters(asked),
        keepIdentity,
      ),
    }),
    [client, asked],
  );
  return useSyncExternalStore(subscribe, get, () => NOTHING);
}

const NOTHING: readonly never[] = [];
