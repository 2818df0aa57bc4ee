import { Dexie, type Table } from 'dexie';
import { SyncError } from '../domain/errors.js';
import type { DeadLetter, MutationRecord, StoredOutcome } from '../domain/mutation.js';
import type { Clock, MetaRecord, SealRecord } from '../engine/ports.js';
import type { Packed } from './packed.js';
import type { RowBatch } from './rowBatch.js';
import { storageError } from './storageError.js';
import type { Touched } from './touched.js';

/** Every write appends exactly one; the key of the last one is the storage's revision. */
export interface JournalRecord {
  readonly revision: number;
  /** Names the write, so that a retry after a lost acknowledgement finds out whether it was stored. */
  readonly write: string;
  /** The sequences it was given: what such a retry answers. */
  readonly seqs: readonly number[];
  readonly outcomes: readonly StoredOutcome[];
  readonly touched: Touched;
  /** The last pack before it: the rows it wrote are in the tail, or in a later pack. */
  readonly lastPack: number;
}

/** One record of the log: the mutations of a tick. */
export type StoredMutations = Packed<readonly MutationRecord[]>;

export type StoredTick = StoredMutations & { readonly seq: number };

/** Rows that were stored together. */
export type StoredBatch = RowBatch & { readonly id: number };

export interface OutboxDatabase extends Dexie {
  readonly log: Table<StoredTick, number, StoredMutations>;
  readonly seals: Table<SealRecord, string>;
  /** Rows: large batches, and after all of them the small ones (`dexieRows`). */
  readonly packs: Table<StoredBatch, number, RowBatch>;
  readonly tail: Table<StoredBatch, number, RowBatch>;
  readonly deadLetters: Table<DeadLetter, string>;
  readonly meta: Table<MetaRecord, string>;
  readonly journal: Table<JournalRecord, number, Omit<JournalRecord, 'revision'>>;
}

/** Stores and primary keys. No secondary index: each would cost at every write, and nothing asks for one. */
const SCHEMA = {
  log: '++seq',
  seals: 'id',
  packs: '++id',
  tail: '++id',
  deadLetters: 'token',
  meta: 'key',
  journal: '++revision',
};

export const STORES: readonly string[] = Object.keys(SCHEMA);

export interface DexieStorageOptions {
  /** @default globalThis.indexedDB, looked up when the storage is opened */
  readonly indexedDB?: IDBFactory;
  /** @default globalThis.IDBKeyRange, looked up when the storage is opened */
  readonly IDBKeyRange?: typeof IDBKeyRange;
  /**
   * How long opening or deleting may take, in milliseconds: a tab with an older version of the app can block it.
   * @default 5000
   */
  readonly openTimeoutMs?: number;
  /** @default the system's timer */
  readonly clock?: Pick<Clock, 'sleep'>;
}

/** Opens or creates the database; rejects with `STORAGE` when it cannot. */
export async function openDatabase(name: string, options: DexieStorageOptions): Promise<OutboxDatabase> {
  const db = createDatabase(name, options);
  try {
    await withinBudget(`open the database "${name}"`, db, () => db.open(), options);
    return db;
  } catch (cause) {
    db.close();
    if (cause instanceof SyncError) throw cause;
    throw storageError('refused', `Storage could not open the database "${name}".`, cause);
  }
}

/** Deletes the database; other tabs of this version let go of it by themselves. */
export async function deleteDatabase(db: OutboxDatabase, options: DexieStorageOptions): Promise<void> {
  await withinBudget(`delete the database "${db.name}"`, db, () => db.delete(), options);
}

function createDatabase(name: string, options: DexieStorageOptions): OutboxDatabase {
  const db = new Dexie(name, {
    ...environment(options),
    autoOpen: false, // reconnecting is dexieStorage's business, in one place
    cache: 'disabled', // Dexie's cache shows rows of a commit that then fails
    chromeTransactionDurability: 'strict',
  }) as OutboxDatabase;
  db.version(1).stores(SCHEMA);
  // Another tab upgrades or deletes: let go. `false` keeps Dexie's own listener from warning about it.
  db.on('versionchange', () => {
    db.close({ disableAutoOpen: false });
    return false;
  });
  return db;
}

function environment(options: DexieStorageOptions): {
  indexedDB: IDBFactory;
  IDBKeyRange: typeof IDBKeyRange;
} {
  const here = globalThis as { indexedDB?: IDBFactory; IDBKeyRange?: typeof IDBKeyRange };
  let indexedDB: IDBFactory | undefined;
  try {
    indexedDB = options.indexedDB ?? here.indexedDB;
  } catch (cause) {
    throw storageError('refused', 'Storage could not open: this frame may not use IndexedDB.', cause);
  }
  const keyRange = options.IDBKeyRange ?? here.IDBKeyRange;
  // Browsers without storage rights have either no property or a null.
  if (!indexedDB || !keyRange)
    throw storageError('missing', 'Storage could not open: IndexedDB does not exist here.');
  return { indexedDB, IDBKeyRange: keyRange };
}

/** Runs `work`, but not for ever: a blocked request stays silent until the blocking tab is closed. */
async function withinBudget(
  doing: string,
  db: Dexie,
  work: () => PromiseLike<unknown>,
  { clock = SYSTEM_CLOCK, openTimeoutMs = 5_000 }: DexieStorageOptions,
): Promise<void> {
  const blocks: IDBVersionChangeEvent[] = [];
  db.on('blocked', (event) => {
    blocks.push(event);
    return false; // keeps Dexie's own listener from warning: most blocks end at once
  });
  const done = new AbortController();
  const working = Promise.resolve(work()).then(() => 'done' as const);
  const budget = clock.sleep(openTimeoutMs, done.signal).then(() => 'late' as const);
  try {
    if ((await Promise.race([working, budget])) === 'done') return;
    working.catch(() => undefined); // nobody waits for it any more
    const blocked = blocks.length > 0;
    const why = blocked ? 'another tab uses an older version of it' : 'the browser does not answer';
    throw storageError(
      blocked ? 'blocked' : 'timeout',
      `Storage could not ${doing} in ${openTimeoutMs} ms: ${why}. Close the other tabs of this app and reload.`,
    );
  } finally {
    done.abort();
  }
}

const SYSTEM_CLOCK: Pick<Clock, 'sleep'> = {
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};
