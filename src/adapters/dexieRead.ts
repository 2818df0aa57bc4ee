import type { Table } from 'dexie';
import { STORAGE_KEYS, type LogRecord, type StorageState } from '../engine/ports.js';
import { STORES, type JournalRecord, type OutboxDatabase } from './dexieDatabase.js';
import { readRows, type RowsFound, type SparsePack } from './dexieRows.js';
import { lastRevision } from './dexieWrite.js';
import { lineReader } from './mutationLine.js';
import { unpackList } from './packed.js';
import { readAll, readSome, visitEach, type Report } from './readAll.js';
import { NOTHING_REMOVED, touchedByAll, type Touched } from './touched.js';

type Unreadable = StorageState['unreadable'][number];

export interface Reading {
  /** Only what was written from here on is wanted, if the journal still reaches back to it. */
  readonly since: number | undefined;
  /** Outcomes are wanted from here on. */
  readonly outcomesSince: number | undefined;
  /** Hears which packs have become sparse, when all rows were read. */
  readonly sparse: (packs: SparsePack[]) => void;
}

interface Tables extends Pick<StorageState, 'log' | 'seals' | 'deadLetters' | 'meta'> {
  readonly rows: RowsFound;
}

interface Found extends Tables, Pick<StorageState, 'revision' | 'partial'> {
  readonly touched: Touched | undefined;
  readonly journal: readonly JournalRecord[];
  readonly unreadable: Unreadable[];
}

/** One readonly transaction: a consistent state, whatever other tabs write meanwhile. */
export async function readState(db: OutboxDatabase, reading: Reading): Promise<StorageState> {
  const found = await db.transaction('r', STORES, () => find(db, reading));
  const { revision, partial, log, seals, deadLetters, meta, touched, journal, unreadable } = found;
  const { rows, sparse } = found.rows;
  reading.sparse(await sparse());
  const gone = <K>(touchedKeys: readonly K[], present: readonly K[]): K[] => {
    const there = new Set(present);
    return touchedKeys.filter((key) => !there.has(key));
  };
  const removed =
    touched === undefined
      ? NOTHING_REMOVED
      : {
          log: gone(
            touched.log,
            log.map((r) => r.seq),
          ),
          seals: gone(
            touched.seals,
            seals.map((r) => r.id),
          ),
          deadLetters: gone(
            touched.deadLetters,
            deadLetters.map((r) => r.token),
          ),
        };
  const outcomes = journal.flatMap((record) => record.outcomes);
  return { revision, partial, log, seals, deadLetters, meta, rows, removed, outcomes, unreadable };
}

async function find(db: OutboxDatabase, { since, outcomesSince }: Reading): Promise<Found> {
  const unreadable: Unreadable[] = [];
  // All that is asked for at once is there after one turn of the storage process.
  const [revision, journal, whole] = await Promise.all([
    lastRevision(db),
    readJournal(db, since ?? outcomesSince),
    since === undefined ? readTables(db, undefined, unreadable) : undefined,
  ]);
  const partial = since !== undefined && journal.length === revision - since;
  const touched = partial ? touchedByAll(journal.map((record) => record.touched)) : undefined;
  const wanted = touched && { touched, after: lastPackBefore(journal) };
  const tables = await (whole ?? readTables(db, wanted, unreadable));
  return { revision, partial, touched, journal, unreadable, ...tables };
}

interface Wanted {
  readonly touched: Touched;
  readonly after: number;
}

async function readTables(
  db: OutboxDatabase,
  wanted: Wanted | undefined,
  unreadable: Unreadable[],
): Promise<Tables> {
  const report =
    (table: Unreadable['table']): Report =>
    (key, cause) =>
      unreadable.push({ table, key, cause });
  const read = <T, K extends string | number, I>(
    name: Exclude<Unreadable['table'], 'rows' | 'log'>,
    table: Table<T, K, I>,
    keys: readonly K[] | undefined,
  ) => (keys === undefined ? readAll(table, report(name)) : readSome(table, keys, report(name)));
  const touched = wanted?.touched;
  const [log, seals, deadLetters, meta, rows] = await Promise.all([
    readLog(db, touched?.log, report('log')),
    read('seals', db.seals, touched?.seals),
    read('deadLetters', db.deadLetters, touched?.deadLetters),
    read('meta', db.meta, touched?.meta),
    readRows(db, wanted && { keys: wanted.touched.rows, after: wanted.after }, report('rows')),
  ]);
  return { log, seals, deadLetters, meta, rows };
}

/** About four thousand mutations: to parse them takes some ten milliseconds. */
const LOG_RECORDS_AT_ONCE = 8;

async function readLog(
  db: OutboxDatabase,
  wanted: readonly number[] | undefined,
  report: Report,
): Promise<LogRecord[]> {
  const log: LogRecord[] = [];
  const read = lineReader();
  const seqs = wanted ?? (await db.log.toCollection().primaryKeys());
  const how = { all: wanted === undefined, atOnce: LOG_RECORDS_AT_ONCE, report };
  await visitEach(db.log, seqs, how, (record) => {
    try {
      log.push({ seq: record.seq, mutations: unpackList(record, read) });
    } catch (cause) {
      report(record.seq, cause);
    }
  });
  return log;
}

/** The rows that `journal` tells of came after it. */
const lastPackBefore = (journal: readonly JournalRecord[]): number =>
  journal.find(({ touched }) => touched.rows.length > 0)?.lastPack ?? 0;

/** Unreadable records are left out: the journal then seems not to reach back, and everything is read. */
async function readJournal(db: OutboxDatabase, since: number | undefined): Promise<JournalRecord[]> {
  if (since === undefined) return [];
  const range = () => db.journal.where(':id').above(since);
  const read = range()
    .toArray()
    .catch(async () => readSome(db.journal, await range().primaryKeys(), () => undefined));
  return (await read).filter(isReadable);
}

const TABLES = Object.keys(STORAGE_KEYS) as (keyof Touched)[];

function isReadable({ outcomes, touched, lastPack }: Partial<JournalRecord>): boolean {
  return (
    Array.isArray(outcomes) &&
    typeof lastPack === 'number' &&
    TABLES.every((table) => Array.isArray(touched?.[table]))
  );
}
