import type { Table } from 'dexie';
import type { EntityKey } from '../domain/entity.js';
import type { StorageState, StorageTables, StoredRow } from '../engine/ports.js';
import { STORES, type JournalRecord, type OutboxDatabase } from './dexieDatabase.js';
import { lastRevision } from './dexieWrite.js';

type Unreadable = StorageState['unreadable'][number];

export interface Reading {
  /** Rows are wanted from here on, if the journal still reaches back to it. */
  readonly since: number | undefined;
  /** Outcomes are wanted from here on. */
  readonly outcomesSince: number | undefined;
}

/** One readonly transaction over all stores: a consistent state, whatever other tabs write meanwhile. */
export async function readState(db: OutboxDatabase, reading: Reading): Promise<StorageState> {
  return db.transaction('r', STORES, async () => {
    const unreadable: Unreadable[] = [];
    const all = <T extends keyof StorageTables, K, I>(name: T, table: Table<StorageTables[T], K, I>) =>
      readAll(table, (key, cause) => unreadable.push({ table: name, key, cause }));

    const [revision, journal, log, seals, deadLetters, meta, firstRows] = await Promise.all([
      lastRevision(db),
      readJournal(db, reading.since ?? reading.outcomesSince),
      all('log', db.log),
      all('seals', db.seals),
      all('deadLetters', db.deadLetters),
      all('meta', db.meta),
      reading.since === undefined ? all('rows', db.rows) : undefined,
    ]);
    const partial = reading.since !== undefined && journal.length === revision - reading.since;
    const rows =
      firstRows ??
      (partial
        ? await readChanged(db.rows, journal, (key, cause) => unreadable.push({ table: 'rows', key, cause }))
        : await all('rows', db.rows));
    const outcomes = journal.flatMap((record) => record.outcomes);
    return { revision, log, seals, deadLetters, meta, rows, partial, outcomes, unreadable };
  });
}

/** Unreadable records are left out: the journal then seems not to reach back, and all rows are read. */
async function readJournal(db: OutboxDatabase, since: number | undefined): Promise<JournalRecord[]> {
  if (since === undefined) return [];
  const range = () => db.journal.where(':id').above(since);
  try {
    return await range().toArray();
  } catch {
    return readEach(db.journal, await range().primaryKeys(), () => undefined);
  }
}

type Report = (key: unknown, cause: unknown) => void;

/**
 * A bulk read fails as a whole for one damaged record, or for too much data at once: then each record is read by
 * itself, and only the damaged ones are missing (OB7).
 */
async function readAll<T, K, I>(table: Table<T, K, I>, report: Report): Promise<T[]> {
  try {
    return await table.toArray();
  } catch {
    return readEach(table, await table.toCollection().primaryKeys(), report);
  }
}

async function readEach<T, K, I>(table: Table<T, K, I>, keys: readonly K[], report: Report): Promise<T[]> {
  const found: T[] = [];
  for (const key of keys) {
    try {
      const record = await table.get(key);
      if (record !== undefined) found.push(record);
    } catch (cause) {
      report(key, cause);
    }
  }
  return found;
}

/** A row that is gone reads as a tombstone without a version: anything may replace it. */
async function readChanged(
  table: OutboxDatabase['rows'],
  journal: readonly JournalRecord[],
  report: Report,
): Promise<StoredRow[]> {
  const keys = [...new Set(journal.flatMap((record) => record.rows))];
  const gone = (key: EntityKey): StoredRow => ({ key, row: undefined, version: undefined });
  try {
    return (await table.bulkGet(keys)).map((row, i) => row ?? gone(keys[i] as EntityKey));
  } catch {
    const broken = new Set<unknown>();
    const found = await readEach(table, keys, (key, cause) => {
      broken.add(key);
      report(key, cause);
    });
    const present = new Set(found.map((row) => row.key));
    return [...found, ...keys.filter((key) => !present.has(key) && !broken.has(key)).map(gone)];
  }
}
