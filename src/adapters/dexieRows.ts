import { entityKey, type EntityKey } from '../domain/entity.js';
import type { RowsRead, StoredRow } from '../engine/ports.js';
import { breathe } from './breathe.js';
import type { OutboxDatabase, StoredBatch } from './dexieDatabase.js';
import { readAll, readSome, type Report } from './readAll.js';
import { packRows, visitRows, type RowBatch } from './rowBatch.js';
import { addRow, addRows, named, type NamedRow, type RowsByCollection } from './rowsByCollection.js';

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
  for (const one of tail) visit(one, damaged, (collection, id, row) => addRow(rows, collection, id, row));
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

/** Visits none, when it is damaged: then it is reported by its id. */
function visit(batch: StoredBatch, report: Report, each: Parameters<typeof visitRows>[1]): void {
  try {
    visitRows(batch, each);
  } catch (cause) {
    report(batch.id, cause);
  }
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

/** Rows as they are on disk. */
export interface RowsFound {
  /** Parses them, a pack at a time. */
  unpack(): Promise<RowsRead>;
  /** Packs of which most has been written again since, with what has not: what `putSparse` takes. Asked for after `unpack`. */
  sparse(): Promise<SparsePack[]>;
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
  if (wanted?.keys.length === 0) return NO_ROWS;
  const from =
    (table: 'packs' | 'tail'): Report =>
    (id, cause) =>
      report(`${table} ${String(id)}`, cause);
  const [packs, tail] = await Promise.all([
    readPacks(db, wanted?.after ?? 0, from('packs')),
    readAll(db.tail, from('tail')),
  ]);
  const keys = wanted && new Set(wanted.keys);
  let read = 0;
  const rows: RowsByCollection = new Map();
  const add = (batch: StoredBatch, damaged: Report): void =>
    visit(batch, damaged, (collection, id, row) => {
      read++;
      if (keys === undefined || keys.has(entityKey(collection, id))) addRow(rows, collection, id, row);
    });
  return {
    async unpack() {
      for (const pack of packs) {
        add(pack, from('packs'));
        await breathe();
      }
      for (const one of tail) add(one, from('tail'));
      return rows;
    },
    async sparse() {
      let distinct = 0;
      for (const { size } of rows.values()) distinct += size;
      return keys === undefined && read > 2 * distinct ? findSparse(packs, tail) : [];
    },
  };
}

const NO_ROWS: RowsFound = {
  unpack: () => Promise.resolve(new Map()),
  sparse: () => Promise.resolve([]),
};

async function findSparse(
  packs: readonly StoredBatch[],
  tail: readonly StoredBatch[],
): Promise<SparsePack[]> {
  const later = new Set<EntityKey>();
  const ignore = (): void => undefined;
  for (const one of tail) visit(one, ignore, (collection, id) => later.add(entityKey(collection, id)));
  const found: SparsePack[] = [];
  for (const pack of [...packs].reverse()) {
    const rows: NamedRow[] = [];
    let size = 0;
    visit(pack, ignore, (collection, id, row) => {
      size++;
      if (!later.has(entityKey(collection, id))) rows.push([collection, id, row]);
    });
    for (const [collection, id] of rows) later.add(entityKey(collection, id));
    if (size > 0 && rows.length * 2 <= size) found.push({ id: pack.id, rows });
    await breathe();
  }
  return found;
}

/** A few at a time: the browser hands over what it has read in one piece. */
const PACKS_AT_ONCE = 8;

async function readPacks(db: OutboxDatabase, after: number, report: Report): Promise<StoredBatch[]> {
  const found: StoredBatch[] = [];
  for (let last = after; ;) {
    const range = () => db.packs.where(':id').above(last).limit(PACKS_AT_ONCE);
    let some: StoredBatch[];
    try {
      some = await range().toArray();
    } catch {
      const ids = await range().primaryKeys();
      found.push(...(await readSome(db.packs, ids, report)));
      last = ids.at(-1) ?? Infinity;
      continue;
    }
    found.push(...some);
    const end = some.at(-1)?.id;
    if (end === undefined || some.length < PACKS_AT_ONCE) return found;
    last = end;
  }
}
