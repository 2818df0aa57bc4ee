import type { CollectionIndex, RowChange } from '../domain/collectionIndex.js';
import type { Row } from '../domain/entity.js';
import type { Query } from '../domain/query.js';
import { createQueryRoutes } from '../domain/queryRoutes.js';

/** What a query is found by: a text for one of data; one with a function is only like itself. */
export type QueryKey = string | Query<Row>;

/** A query whose rows are kept from change to change. */
export interface LiveQuery {
  readonly key: QueryKey;
  readonly query: Query<Row>;
  /** Undefined when it is to be made anew. */
  index: CollectionIndex<Row> | undefined;
}

/** Queries of one collection that hear of its changes together: when the rows of one are asked for. */
export interface QueryGroup<L extends LiveQuery> {
  /** In the order in which they were asked for. */
  readonly queries: ReadonlyMap<QueryKey, L>;
  /** Its index knows the rows as they are now. */
  add(live: L): void;
  delete(live: L): void;
  /** Deletes all, and forgets what they have not heard of. */
  clear(): void;
  catchUp(): void;
  /** The row `id` is no longer `former`. Returns how many rows the queries have yet to hear of. */
  note(id: string, former: Row | undefined): number;
  /** Of one that was added. Throws what its function throws. */
  rowsOf(live: L): readonly Row[];
  /** Those whose rows may have changed since this was called last. */
  takeChanged(): readonly L[];
}

export function createQueryGroup<L extends LiveQuery>(
  read: (id: string) => Row | undefined,
  indexOf: (query: Query<Row>) => CollectionIndex<Row>,
): QueryGroup<L> {
  const queries = new Map<QueryKey, L>();
  let routes = createQueryRoutes<L>();
  /** The rows that the queries have not heard of, as they were when they did. */
  const unheard = new Map<string, Row | undefined>();
  const changed = new Set<L>();

  function catchUp(): void {
    const told = new Map<L, RowChange<Row>[]>();
    for (const [id, former] of unheard) {
      const next = read(id);
      if (former === next) continue;
      for (const live of routes.concerned(former, next)) {
        const changes = told.get(live) ?? [];
        told.set(live, changes);
        changes.push({ id, former, next });
      }
    }
    unheard.clear();
    for (const [live, changes] of told) {
      changed.add(live);
      try {
        live.index?.tell(changes);
      } catch {
        live.index = undefined; // its function threw: whoever asks for the rows gets the error
      }
    }
  }

  return {
    queries,
    catchUp,
    add(live) {
      catchUp();
      queries.set(live.key, live);
      routes.add(live.query.where, live);
    },
    delete(live) {
      catchUp();
      queries.delete(live.key);
      routes.delete(live.query.where, live);
      changed.delete(live);
    },
    clear() {
      queries.clear();
      routes = createQueryRoutes();
      unheard.clear();
      changed.clear();
    },
    note(id, former) {
      if (!unheard.has(id)) unheard.set(id, former);
      return unheard.size;
    },
    rowsOf(live) {
      catchUp();
      queries.delete(live.key);
      queries.set(live.key, live);
      live.index ??= indexOf(live.query);
      return live.index.rows();
    },
    takeChanged() {
      catchUp();
      const taken = [...changed];
      changed.clear();
      return taken;
    },
  };
}
