import { createCollectionIndex, type CollectionIndex } from '../domain/collectionIndex.js';
import type { Row } from '../domain/entity.js';
import { describe, SyncError } from '../domain/errors.js';
import { createKnownOrder, type KnownOrder } from '../domain/knownOrder.js';
import type { Query } from '../domain/query.js';
import { queryKey } from '../domain/queryKey.js';
import { createQueryGroup, type LiveQuery, type QueryKey } from './queryGroup.js';
import { createTopics } from './topics.js';

/** The queries over one collection. */
export interface CollectionQueries {
  run(query: Query<Row>): readonly Row[];
  /** Calls `listener` after the rows of `query` have changed. */
  subscribe(query: Query<Row>, listener: () => void): () => void;
  /** The row `id` is no longer `former`, but `next`. */
  changed(id: string, former: Row | undefined, next: Row | undefined): void;
  /** All that changed at once has been told. */
  settled(): void;
}

export interface CollectionQueriesOptions {
  readonly read: (id: string) => Row | undefined;
  /** Visits every visible row. */
  readonly each: (visit: (id: string, row: Row) => void) => void;
  /** Whether the row may come back without being new. */
  readonly isKept: (id: string) => boolean;
  readonly origin: (id: string) => string;
  readonly failed: (error: unknown) => void;
}

/** So many queries that nobody listens to are remembered; those that were asked longest ago go first. */
const REMEMBERED = 100;
/** And together so many rows, unless one has more: to each belong two pointers. */
const REMEMBERED_ROWS = 100_000;
/** They are forgotten when more rows have changed since one was asked: then to look at all costs hardly more. */
const UNHEARD = 1_000;

interface Asked extends LiveQuery {
  /** What its listeners listen to. */
  readonly topic: string;
  listeners: number;
  /** The rows as the listeners know them. */
  shown: readonly Row[] | undefined;
}

/**
 * Queries that somebody listens to hear of every change; the others when one of them is read. So a query costs what
 * changed of it, and one that nobody reads any more costs a change next to nothing (ST9).
 */
export function createCollectionQueries(options: CollectionQueriesOptions): CollectionQueries {
  const { read, each, isKept, origin, failed } = options;
  const watched = createQueryGroup<Asked>(read, indexOf);
  const idle = createQueryGroup<Asked>(read, indexOf);
  const topics = createTopics<undefined>(failed);
  const gone = new Set<string>();
  let order: KnownOrder | undefined;
  let asked = 0;

  function indexOf(query: Query<Row>): CollectionIndex<Row> {
    // Made for the first query that names no order: nobody has seen any before.
    const known = query.orderBy === undefined ? (order ??= createKnownOrder(origin)) : undefined;
    const ids: string[] = [];
    const rows: Row[] = [];
    let last = -1;
    let inOrder = known !== undefined;
    each((id, row) => {
      const place = known?.learn(id) ?? 0;
      inOrder &&= place > last;
      last = place;
      ids.push(id);
      rows.push(row);
    });
    return createCollectionIndex(query, { ids, rows }, known?.place ?? (() => 0), inOrder);
  }

  function forget(ids: Set<string>): void {
    for (const id of ids) {
      if (read(id) !== undefined || isKept(id)) continue;
      watched.catchUp();
      idle.catchUp();
      order?.forget(id);
    }
    ids.clear();
  }

  function made(key: QueryKey, query: Query<Row>): Asked {
    return { key, query, index: indexOf(query), topic: String(++asked), listeners: 0, shown: undefined };
  }

  function remember(live: Asked): void {
    idle.add(live);
    let rows = 0;
    for (const { index } of idle.queries.values()) rows += index?.size ?? 0;
    for (const oldest of idle.queries.values()) {
      if (oldest === live || (idle.queries.size <= REMEMBERED && rows <= REMEMBERED_ROWS)) return;
      rows -= oldest.index?.size ?? 0;
      idle.delete(oldest);
    }
  }

  function refreshed(live: Asked): readonly Row[] | undefined {
    try {
      return watched.rowsOf(live);
    } catch {
      return undefined; // who reads it gets the error
    }
  }

  return {
    run(query) {
      const key = keyOf(query);
      const live = watched.queries.get(key);
      if (live !== undefined) return watched.rowsOf(live);
      let known = idle.queries.get(key);
      if (known === undefined) {
        if (key === query) return indexOf(query).rows(); // a function, which nobody can ask for again but by itself
        remember((known = made(key, query)));
      }
      return idle.rowsOf(known);
    },
    subscribe(query, listener) {
      const key = keyOf(query);
      const live = watched.queries.get(key) ?? idle.queries.get(key) ?? made(key, query);
      if (live.listeners++ === 0) {
        idle.delete(live);
        watched.add(live);
        live.shown = refreshed(live);
      }
      const stop = topics.subscribe(live.topic, listener);
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        stop();
        if (--live.listeners > 0) return;
        watched.delete(live);
        remember(live);
      };
    },
    changed(id, former, next) {
      if (watched.queries.size > 0) watched.note(id, former);
      if (idle.queries.size > 0 && idle.note(id, former) > UNHEARD) idle.clear();
      if (order === undefined) return;
      if (next === undefined) gone.add(id);
      else order.learn(id);
    },
    settled() {
      forget(gone);
      for (const live of watched.takeChanged()) {
        const former = live.shown;
        live.shown = refreshed(live);
        if (live.shown !== former) topics.publish(live.topic, undefined);
      }
    },
  };
}

function keyOf(query: Query<Row>): QueryKey {
  if (typeof (query as unknown) === 'object' && (query as unknown) !== null)
    return queryKey(query as Query<never>) ?? query;
  throw new SyncError(
    'INVALID_OPTIONS',
    `A query is an object such as { where, orderBy, limit }, received ${describe(query)}.`,
  );
}
