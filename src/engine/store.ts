import type { StoreApi } from 'zustand/vanilla';
import { keyOf, sameValue } from '../domain/changes.js';
import type { AnyCollection } from '../domain/collection.js';
import {
  entityKey,
  splitKey,
  type BaseRow,
  type Bases,
  type EntityKey,
  type EntityRef,
  type Row,
  type ServerRow,
} from '../domain/entity.js';
import type { Ids } from '../domain/identity.js';
import { inOrder } from '../domain/lanes.js';
import { createLayers, type Shown } from './layers.js';
import type { PendingMutation } from './pendingMutation.js';
import type { RowsRead } from './ports.js';
import type { ReadRow } from '../domain/transaction.js';
import { createStoreApi, type StoreState } from './storeApi.js';
import { createTable, type Table } from './table.js';
import type { Topics } from './topics.js';

export interface StoreChange {
  readonly add?: readonly PendingMutation[];
  readonly drop?: readonly PendingMutation[];
  /** Rows that were let into the base: the outbox has decided that they are newer, and stored them. */
  readonly rows?: readonly ServerRow[];
  /** Rows of the base as the storage was found to have them. */
  readonly read?: RowsRead;
}

/** Hears of every row that changes, before anybody can read it. */
export interface RowWatcher {
  isWatching(collection: string): boolean;
  changed(collection: string, id: string, former: Row | undefined, next: Row | undefined): void;
  /** All rows that changed at once have been told, and so have the subscribers. */
  settled(): void;
}

/** Base rows, and over them the pending mutations. Every change is one notification (ST5, ST6). */
export interface Store {
  readonly api: StoreApi<StoreState>;
  readonly read: ReadRow;
  get(collection: string, id: string): Row | undefined;
  readonly base: (key: EntityKey) => BaseRow | undefined;
  readonly baseOf: (of: EntityRef) => BaseRow | undefined;
  readonly bases: () => Bases;
  /** Visits every visible row of a collection. */
  each(collection: string, visit: (id: string, row: Row) => void): void;
  /** The undecided mutations that read or write an entity, in order. */
  readonly pendingOn: (key: EntityKey) => readonly PendingMutation[];
  /** Shows a mutation whose `effect` was computed on the present view. Costs what it touches, nothing more (ST7). */
  apply(mutation: PendingMutation): void;
  /** Adds and drops mutations and sets base rows, as one change. */
  change(change: StoreChange): void;
  /** Called with the entity's key after its row changed. */
  readonly changes: Topics<EntityKey>;
  /** One watcher, instead of the former one. */
  watch(watcher: RowWatcher): void;
}

export function createStore(
  collections: ReadonlyMap<string, AnyCollection>,
  changes: Topics<EntityKey>,
  ids: Ids,
  failed: (error: unknown) => void,
): Store {
  const tables = new Map<string, Table>();
  let watcher: RowWatcher | undefined;
  for (const name of collections.keys()) tables.set(name, createTable());
  const { api, changed: tellApi } = createStoreApi(tables, failed);
  const { read, baseOf, pendingOn, lay, cover, refold } = createLayers(tables);

  /** @param adopted collections of which any row may have changed */
  function publish(changed: readonly EntityRef[], adopted: readonly string[]): void {
    if (changed.length === 0 && adopted.length === 0) return;
    tellApi();
    if (changes.size > 0) tellTopics(changed, adopted);
    watcher?.settled();
  }

  function tellTopics(changed: readonly EntityRef[], adopted: readonly string[]): void {
    const names = new Set(adopted);
    for (const of of changed) {
      const key = keyOf(of);
      changes.publish(key, key);
      if (ids.size > 0) tellOrigin(of, key);
      names.add(of.collection);
    }
    for (const name of names) changes.publish(name, name);
  }

  /** Whoever knows the row by the id it had before the server named it, hears of it, too (ID1). */
  function tellOrigin({ collection, id }: EntityRef, key: EntityKey): void {
    const origin = ids.origin(collection, id);
    if (origin !== id) changes.publish(entityKey(collection, origin), key);
  }

  const applied: Shown = ({ collection, id }, former, next, table) => {
    table.changed();
    watcher?.changed(collection, id, former, next);
  };

  function apply(mutation: PendingMutation): void {
    lay(mutation, applied);
    publish(mutation.effect.changes, NONE);
  }

  function change({ add = [], drop = [], rows = [], read: found = new Map() }: StoreChange): void {
    const from = new Set<EntityKey>();
    const before = new Map<EntityKey, Row | undefined>();
    const remember = (key: EntityKey): void => {
      if (!before.has(key)) before.set(key, read(splitKey(key)));
    };
    const enter = (table: Table, key: EntityKey, id: string, told: BaseRow): void => {
      remember(key);
      from.add(key);
      // A row that the view already shows keeps the identity it has there: nobody re-renders for a confirmation.
      const shown = table.read(id);
      const row = shown !== undefined && sameValue(shown, told.row) ? shown : told.row;
      table.base.set(id, { ...told, row });
    };
    const adopted: string[] = [];
    for (const [collection, byId] of found) {
      const table = tables.get(collection);
      if (table === undefined) continue;
      if (table.base.size > 0) for (const [id, row] of byId) enter(table, entityKey(collection, id), id, row);
      else {
        // The first rows of a collection: they are not gone through one by one.
        for (const key of watched(collection)) remember(key);
        for (const id of table.overlay.keys()) from.add(entityKey(collection, id));
        for (const key of from) remember(key);
        table.adopt(byId);
        adopted.push(collection);
      }
    }
    const isFirst = drop.length === 0 && [...tables.values()].every(({ overlay }) => overlay.size === 0);
    for (const { collection, id, ...told } of rows) {
      const table = tables.get(collection);
      if (table !== undefined) enter(table, entityKey(collection, id), id, told);
    }
    if (isFirst) {
      // Who listens to an adopted row has been remembered.
      const shown: Shown = (change, former) => {
        if (adopted.includes(change.collection)) return;
        const key = keyOf(change);
        if (!before.has(key)) before.set(key, former);
      };
      for (const mutation of inOrder(add)) cover(mutation, shown);
    } else {
      const concern = ({ effect }: PendingMutation): void => {
        effect.touched.forEach((key) => from.add(key));
      };
      add.forEach(concern);
      drop.forEach(concern);
      for (const key of from) remember(key);
      refold(from, add, new Set(drop), before);
    }
    const changed: EntityRef[] = [];
    for (const [key, former] of before) {
      const of = splitKey(key);
      const next = read(of);
      if (next === former) continue;
      watcher?.changed(of.collection, of.id, former, next);
      changed.push(of);
      tables.get(of.collection)?.changed();
    }
    for (const name of adopted) {
      tables.get(name)?.changed();
      tellAdopted(name, before);
    }
    publish(changed, adopted);
  }

  /** The rows that are shown since the base of a collection was adopted, but those in `before`. */
  function tellAdopted(collection: string, before: ReadonlyMap<EntityKey, Row | undefined>): void {
    if (watcher?.isWatching(collection) !== true) return;
    tables.get(collection)?.each((id, row) => {
      if (!before.has(entityKey(collection, id))) watcher?.changed(collection, id, undefined, row);
    });
  }

  /** Entities of a collection that somebody listens to, by the ids they go by now. */
  function* watched(collection: string): Iterable<EntityKey> {
    for (const topic of changes.topics()) {
      const { collection: own, id } = splitKey(topic);
      if (own === collection) yield entityKey(own, ids.resolve(own, id));
    }
  }

  function* bases(): Bases {
    for (const [name, { base }] of tables) yield [name, base];
  }

  return {
    api,
    read,
    bases,
    get: (collection, id) => tables.get(collection)?.read(id),
    base: (key) => baseOf(splitKey(key)),
    baseOf,
    each: (collection, visit) => tables.get(collection)?.each(visit),
    pendingOn,
    apply,
    change,
    changes,
    watch(next) {
      watcher = next;
    },
  };
}

const NONE: readonly never[] = [];
