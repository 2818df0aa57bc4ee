import { useCallback, useMemo } from 'react';
import type { Collection } from '../domain/collection.js';
import { useSelected, type Source } from './useSelected.js';
import { useSyncClient } from './useSyncClient.js';

/**
 * The visible row `id` of `collection`, or what `select` makes of it; undefined when there is no such row, or no `id`.
 * Re-renders only when that changed: rows by identity, selections by content.
 * @example
 * const todo = useEntity(todos, id)
 * const title = useEntity(todos, id, (todo) => todo.title)
 */
export function useEntity<T extends object>(collection: Collection<T>, id: string | undefined): T | undefined;
export function useEntity<T extends object, S>(
  collection: Collection<T>,
  id: string | undefined,
  select: (row: T) => S,
): S | undefined;
export function useEntity<T extends object>(
  collection: Collection<T>,
  id: string | undefined,
  select?: (row: T) => unknown,
): unknown {
  const client = useSyncClient();
  const source = useMemo(
    (): Source<T | undefined> => ({
      subscribe: (listener) => (id === undefined ? nothing : client.subscribe(collection, id, listener)),
      get: () => (id === undefined ? undefined : client.get(collection, id)),
      getServer: () => undefined,
    }),
    [client, collection, id],
  );
  const selectRow = useCallback(
    (row: T | undefined) => (row === undefined || select === undefined ? row : select(row)),
    [select],
  );
  return useSelected(source, selectRow);
}

const nothing = (): void => undefined;
