import type { AnyCollection } from '../domain/collection.js';
import { entityKey, type Row } from '../domain/entity.js';
import type { Ids } from '../domain/identity.js';
import type { Query } from '../domain/query.js';
import type { SyncClient } from './client.js';
import { createCollectionQueries, type CollectionQueries } from './collectionQueries.js';
import type { Store } from './store.js';

/** Answers queries, and tells who listens; an answer keeps its identity until its rows change. */
export type LiveQueries = Pick<SyncClient, 'query' | 'subscribe'>;

export function createLiveQueries(store: Store, ids: Ids, failed: (error: unknown) => void): LiveQueries {
  const collections = new Map<string, CollectionQueries>();
  const unsettled = new Set<CollectionQueries>();

  function queriesOf({ name }: AnyCollection): CollectionQueries {
    const known = collections.get(name);
    if (known !== undefined) return known;
    const queries = createCollectionQueries({
      read: (id) => store.get(name, id),
      each: (visit) => store.each(name, visit),
      isKept: (id) => store.base(entityKey(name, id)) !== undefined,
      origin: (id) => ids.origin(name, id),
      failed,
    });
    collections.set(name, queries);
    return queries;
  }

  store.watch({
    isWatching: (collection) => collections.has(collection),
    changed(collection, id, former, next) {
      const queries = collections.get(collection);
      if (queries === undefined) return;
      queries.changed(id, former, next);
      unsettled.add(queries);
    },
    settled() {
      if (unsettled.size === 0) return;
      for (const queries of unsettled) {
        unsettled.delete(queries);
        queries.settled();
      }
    },
  });

  return {
    query: <T extends object>(collection: AnyCollection, query: Query<T> = {}) =>
      queriesOf(collection).run(query as unknown as Query<Row>) as readonly unknown[] as readonly T[],
    subscribe(collection, of, listener) {
      if (typeof of === 'object') return queriesOf(collection).subscribe(of as Query<Row>, listener);
      const { name } = collection;
      return store.changes.subscribe(of === undefined ? name : entityKey(name, of), listener);
    },
  };
}
