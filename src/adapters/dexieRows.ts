import { entityKey, type EntityKey } from '../domain/entity.js';
import type { RowsRead, StoredRow } from '../engine/ports.js';
import { breathe } from './breathe.js';
import type { OutboxDatabase, StoredBatch } from './dexieDatabase.js';
import { isJsonRecord, packList, unpackList } from './packed.js';
import { readAll, readSome, type Report } from './readAll.js';
import { addRows, named, type NamedRow, type RowsByCollection } from './rowsByCollection.js';

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

type Batch = StoredBatch & { readonly id: number };

/** Puts rows, within the transaction of a write. */
export async function putRows(db: OutboxDatabase, rows: readonly StoredRow[]): Promise<void> {
  const more = rows.map(named);
  if (more.length >= PACK_FROM) {
    await collect(db, more);
    return;
  }
  const id = await db.tail.add(batch(more));
  if (id % TAIL_BATCHES === 0) await collect(db, []);
}

async function collect(db: OutboxDatabase, more: readonly NamedRow[]): Promise<void> {
  const damaged: unknown[] = [];
  const tail = await readAll(db.tail, (id) => damaged.push(id));
  const rows: RowsByCollection = new Map();
  for (const one of tail)
    addRows(
      unpack(one, (what) => damaged.push(what)),
      rows,
    );
  if (damaged.length > 0) {
    // It stays where it is, and nothing overtakes it.
    if (more.length > 0) await db.tail.add(batch(more));
    return;
  }
  addRows(more, rows);
  const all = [...rows].flatMap(([collection, byId]) =>
    [...byId].map(([id, row]): NamedRow => [collection, id, row]),
  );
  await db.tail.bulkDelete(tail.map(({ id }) => id));
  if (all.length >= PACK_FROM) await db.packs.bulkAdd(packs(all));
  else if (all.length > 0) await db.tail.add(batch(all));
}

function packs(rows: readonly NamedRow[]): StoredBatch[] {
  const made: StoredBatch[] = [];
  for (let i = 0; i < rows.length; i += PACK_LIMIT) made.push(batch(rows.slice(i, i + PACK_LIMIT)));
  return made;
}

const batch = (rows: readonly NamedRow[]): StoredBatch => packList(rows, ([, , row]) => isJsonRecord(row));

/** Reports it once, by its id, when not all of it can be read. */
function unpack(stored: Batch, report: Report): readonly NamedRow[] {
  const rows = unpackList(stored);
  const readable = rows.filter((row: unknown) => Array.isArray(row));
  if (readable.length < rows.length) report(stored.id, new SyntaxError('a part of it is not JSON'));
  return readable;
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
export interface StoredRows {
  /** Parses them, a pack at a time. */
  unpack(): Promise<RowsRead>;
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
): Promise<StoredRows> {
  if (wanted?.keys.length === 0) return { unpack: () => Promise.resolve(new Map()) };
  const from =
    (table: 'packs' | 'tail'): Report =>
    (id, cause) =>
      report(`${table} ${String(id)}`, cause);
  const packs = await readPacks(db, wanted?.after ?? 0, from('packs'));
  const tail = await readAll(db.tail, from('tail'));
  const keys = wanted && new Set(wanted.keys);
  return {
    async unpack() {
      const rows: RowsByCollection = new Map();
      const add = (one: Batch, damaged: Report): void => {
        const found = unpack(one, damaged);
        addRows(keys ? found.filter(([collection, id]) => keys.has(entityKey(collection, id))) : found, rows);
      };
      for (const pack of packs.splice(0)) {
        add(pack, from('packs'));
        await breathe();
      }
      for (const one of tail) add(one, from('tail'));
      return rows;
    },
  };
}

/** A few at a time: the browser hands over what it has read in one piece. */
const PACKS_AT_ONCE = 8;

async function readPacks(db: OutboxDatabase, after: number, report: Report): Promise<Batch[]> {
  const found: Batch[] = [];
  for (let last = after; ;) {
    const range = () => db.packs.where(':id').above(last).limit(PACKS_AT_ONCE);
    let some: Batch[];
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
