import { useMemo, useSyncExternalStore } from 'react';
import type { DeadLetterView } from '../engine/deadLetterView.js';
import { keepIdentity } from '../engine/liveQueries.js';
import type { PendingFilter } from '../engine/pendingView.js';
import { derived } from './derived.js';
import { useHeld } from './useHeld.js';
import { useSyncClient } from './useSyncClient.js';

export interface DeadLetterFilter extends Pick<PendingFilter, 'token' | 'name' | 'collection' | 'id'> {
  /** Only those whose value is still shown, or only those whose value was taken back. */
  readonly needsAttention?: boolean;
}

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
        (letters): readonly DeadLetterView[] => letters.filter((letter) => matches(letter, asked)),
        keepIdentity,
      ),
    }),
    [client, asked],
  );
  return useSyncExternalStore(subscribe, get, () => NOTHING);
}

const NOTHING: readonly never[] = [];

function matches(
  letter: DeadLetterView,
  { token, name, collection, id, needsAttention }: DeadLetterFilter,
): boolean {
  return (
    (token === undefined || letter.token === token) &&
    (name === undefined || letter.name === name) &&
    (needsAttention === undefined || letter.needsAttention === needsAttention) &&
    ((collection === undefined && id === undefined) ||
      letter.entities.some(
        (e) => (collection === undefined || e.collection === collection) && (id === undefined || e.id === id),
      ))
  );
}
