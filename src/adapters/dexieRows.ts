import { entityKey, type BaseRow, type EntityKey } from '../domain/entity.js';
import type { RowsRead, StoredRow } from '../engine/ports.js';
import { breathe } from './breathe.js';
import type { OutboxDatabase, StoredBatch } from './dexieDatabase.js';
import { readAll, visitEach, type Report } from './readAll.js';
import { packRows, unpackRows, type RowBatch, type StoredRows } from './rowBatch.js';
import { addRows, named, rowsOf, type NamedRow, type RowsByCollection } from './rowsByCollection.js';

/*
 * What costs in IndexedDB is a request per record. So rows are a log of batches, of which the last one that has a row
 * counts:
 *
 *   packs   large, never changed           │ tail   small: what the last writes brought
 *   1: 2,000 rows   2: 2,000   3: 700      │ 40: 3 rows   41: 100   42: 1
 *
 * Once in so many writes, and when a large one comes, the tail is made one batch again, or packs if it has grown to
 * that: in the transaction of that write. So a crash finds it done or not begun, and nothing runs beside the user.
 */

/** So many rows are a pack; the tail has fewer, once it has been made one. */
const PACK_FROM = 500;
/** Parsing a pack takes a few milliseconds. */
const PACK_LIMIT = 2_000;
/** A small write in so many makes the tail one batch. */
const TAIL_BATCHES = 32;

/** Puts rows, within the transaction of a write. */
export async function putRows(db: OutboxDatabase, rows: readonly StoredRow[]): Promise<void> {
  const more = rows.map(named);
  if (more.length >= PACK_FROM) {
    await collect(db, more);
    return;
  }
  const id = await db.tail.add(packRows(more));
  if (id % TAIL_BATCHES === 0) await collect(db, []);
}

async function collect(db: OutboxDatabase, more: readonly NamedRow[]): Promise<void> {
  const unreadable: unknown[] = [];
  const damaged: Report = (key) => void unreadable.push(key);
  const tail = await readAll(db.tail, damaged);
  const rows: RowsByCollection = new Map();
  for (const one of tail) addBatch(one, rows, damaged);
  if (unreadable.length > 0) {
    // It stays where it is, and nothing overtakes it.
    if (more.length > 0) await db.tail.add(packRows(more));
    return;
  }
  addRows(more, rows);
  const all = [...rows].flatMap(([collection, byId]) =>
    [...byId].map(([id, row]): NamedRow => [collection, id, row]),
  );
  await db.tail.bulkDelete(tail.map(({ id }) => id));
  if (all.length >= PACK_FROM) await db.packs.bulkAdd(packsOf(all));
  else if (all.length > 0) await db.tail.add(packRows(all));
}

function packsOf(rows: readonly NamedRow[]): RowBatch[] {
  const made: RowBatch[] = [];
  for (let i = 0; i < rows.length; i += PACK_LIMIT) made.push(packRows(rows.slice(i, i + PACK_LIMIT)));
  return made;
}

/** None, when it is damaged: then it is reported by its id. */
function rowsIn(batch: StoredBatch, report: Report): readonly StoredRows[] {
  try {
    return unpackRows(batch);
  } catch (cause) {
    report(batch.id, cause);
    return [];
  }
}

/** Adds the rows of a batch, or those among them that are wanted; returns how many it has. */
function addBatch(
  batch: StoredBatch,
  to: RowsByCollection,
  report: Report,
  wanted?: ReadonlySet<EntityKey>,
): number {
  let size = 0;
  for (const { collection, ids, rowAt } of rowsIn(batch, report)) {
    size += ids.length;
    let rows: Map<string, BaseRow> | undefined;
    // Not `entries()`: it makes a list for each, and a start does this with all there are.
    ids.forEach((id, i) => {
      if (wanted === undefined || wanted.has(entityKey(collection, id)))
        (rows ??= rowsOf(to, collection)).set(id, rowAt(i));
    });
  }
  return size;
}

/** Deletes batches by the keys that they were reported with. */
export async function removeUnreadable(db: OutboxDatabase, keys: readonly unknown[]): Promise<void> {
  for (const table of [db.packs, db.tail])
    await table.bulkDelete(
      keys.flatMap((key) => {
        const [name, id] = String(key).split(' ');
        return name === table.name ? [Number(id)] : [];
      }),
    );
}

/** 0 where there is none. */
export async function lastPack(db: OutboxDatabase): Promise<number> {
  const [last = 0] = await db.packs.orderBy(':id').reverse().limit(1).primaryKeys();
  return last;
}

export interface RowsFound {
  readonly rows: RowsRead;
  /** Packs of which most has been written again since, with what has not: what `putSparse` takes. Found after the transaction. */
  readonly sparse: () => Promise<SparsePack[]>;
}

export interface SparsePack {
  readonly id: number;
  readonly rows: readonly NamedRow[];
}

/**
 * Makes packs what is left of them, within the transaction of a write. Their place stays, so it does not matter what was
 * written meanwhile: that comes after them.
 */
export async function putSparse(db: OutboxDatabase, packs: readonly SparsePack[]): Promise<void> {
  await db.packs.bulkDelete(packs.filter(({ rows }) => rows.length === 0).map(({ id }) => id));
  await db.packs.bulkPut(
    packs.filter(({ rows }) => rows.length > 0).map(({ id, rows }) => ({ id, ...packRows(rows) })),
  );
}

export interface RowsWanted {
  readonly keys: readonly EntityKey[];
  /** They are in the tail, or in a pack after this one. */
  readonly after: number;
}

/** Reads all rows, or those that are wanted, within a transaction. */
export async function readRows(
  db: OutboxDatabase,
  wanted: RowsWanted | undefined,
  report: Report,
): Promise<RowsFound> {
  const rows: RowsByCollection = new Map();
  const none = (): Promise<SparsePack[]> => Promise.resolve([]);
  if (wanted?.keys.length === 0) return { rows, sparse: none };
  const from =
    (table: 'packs' | 'tail'): Report =>
    (id, cause) =>
      report(`${table} ${String(id)}`, cause);
  const keys = wanted && new Set(wanted.keys);
  const packs: StoredBatch[] = [];
  let size = 0;
  const [tail] = await Promise.all([
    readAll(db.tail, from('tail')),
    visitPacks(db, wanted?.after ?? 0, from('packs'), (pack) => {
      packs.push(pack);
      size += addBatch(pack, rows, from('packs'), keys);
    }),
  ]);
  for (const one of tail) size += addBatch(one, rows, from('tail'), keys);
  let distinct = 0;
  for (const byId of rows.values()) distinct += byId.size;
  return { rows, sparse: keys === undefined && size > 2 * distinct ? () => findSparse(packs, tail) : none };
}

/** A few at a time: the browser hands over what it has read in one piece, and to parse them takes ten milliseconds. */
const PACKS_AT_ONCE = 3;

async function visitPacks(
  db: OutboxDatabase,
  after: number,
  report: Report,
  visit: (pack: StoredBatch) => void,
): Promise<void> {
  const ids = await db.packs.where(':id').above(after).primaryKeys();
  await visitEach(db.packs, ids, { all: true, atOnce: PACKS_AT_ONCE, report }, visit);
}

async function findSparse(
  packs: readonly StoredBatch[],
  tail: readonly StoredBatch[],
): Promise<SparsePack[]> {
  const later = new Set<EntityKey>();
  const ignore = (): void => undefined;
  for (const one of tail)
    for (const { collection, ids } of rowsIn(one, ignore))
      for (const id of ids) later.add(entityKey(collection, id));
  const found: SparsePack[] = [];
  for (const pack of [...packs].reverse()) {
    const rows: NamedRow[] = [];
    let size = 0;
    for (const { collection, ids, rowAt } of rowsIn(pack, ignore)) {
      size += ids.length;
      for (const [i, id] of ids.entries())
        if (!later.has(entityKey(collection, id))) rows.push([collection, id, rowAt(i)]);
    }
    for (const [collection, id] of rows) later.add(entityKey(collection, id));
    if (size > 0 && rows.length * 2 <= size) found.push({ id: pack.id, rows });
    await breathe();
  }
  return found;
}
