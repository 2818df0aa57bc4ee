import { useMemo, useSyncExternalStore, type DependencyList } from 'react';
import type { Collection } from '../domain/collection.js';
import { SyncError } from '../domain/errors.js';
import { keepIdentity } from '../domain/keepIdentity.js';
import type { Query, Where } from '../domain/query.js';
import { queryKey } from '../domain/queryKey.js';
import { derived } from './derived.js';
import { useHeld } from './useHeld.js';
import { useSyncClient } from './useSyncClient.js';

/** A query whose `where` is data, so that equal ones can be told from different ones. */
export interface DataQuery<T> extends Query<T> {
  readonly where?: Where<T>;
}

/** A query whose `where` is a function: another one whenever one of `deps` is another. */
export interface FunctionQuery<T> extends Query<T> {
  readonly where: (row: T) => boolean;
  /** What the function uses of what is outside of it. */
  readonly deps: DependencyList;
}

/**
 * The rows of `collection` that `query` asks for. The array keeps its identity until one of its rows changed, and only
 * then the component renders again. A query of data is compared by content, so it may be written in place; where `where`
 * is a function, `deps` list what it uses, in the query or as the third argument, where lint rules look for them.
 * Throws `INVALID_OPTIONS` for a function without them.
 * @example
 * const open = useEntities(todos, { where: { done: false }, orderBy: 'rank', limit: 50 })
 * const mine = useEntities(todos, { where: (todo) => todo.owners.includes(me), deps: [me] })
 */
export function useEntities<T extends object>(collection: Collection<T>, query?: DataQuery<T>): readonly T[];
export function useEntities<T extends object>(
  collection: Collection<T>,
  query: FunctionQuery<T>,
): readonly T[];
export function useEntities<T extends object>(
  collection: Collection<T>,
  query: Query<T>,
  deps: DependencyList,
): readonly T[];
export function useEntities<T extends object>(
  collection: Collection<T>,
  query: Query<T> & Partial<Pick<FunctionQuery<T>, 'deps'>> = {},
  deps: DependencyList = query.deps ?? NONE,
): readonly T[] {
  const client = useSyncClient();
  if (typeof query.where === 'function' && deps === NONE)
    throw new SyncError(
      'INVALID_OPTIONS',
      'useEntities: with a function as where, say what it uses: { where, deps: […] }, or [] when it uses nothing.',
    );
  const { where, ...rest } = query;
  const key = queryKey((typeof where === 'function' ? rest : query) as Query<never>);
  const asked = useHeld(query, [collection, key, ...deps]);
  const { subscribe, get } = useMemo(
    () => ({
      subscribe: (listener: () => void) => client.subscribe(collection, asked, listener),
      get: derived<unknown, readonly T[]>(
        () => client.store.getState().collections[collection.name],
        () => client.query(collection, asked),
        keepIdentity,
      ),
    }),
    [client, collection, asked],
  );
  return useSyncExternalStore(subscribe, get, () => NO_ROWS);
}

const NONE: DependencyList = [];
const NO_ROWS: readonly never[] = [];
