import type { StoredOutcome } from '../domain/mutation.js';
import {
  STORAGE_KEYS,
  type StorageReceipt,
  type StorageState,
  type StorageTables,
  type StorageWrite,
  type StoredRow,
  type SyncStorage,
} from '../engine/ports.js';
import { cloneValue } from './cloneValue.js';
import { addRows, named } from './rowsByCollection.js';
import { asStorageError, storageError } from './storageError.js';
import { NOTHING_REMOVED, touchedBy, touchedByAll, type Touched } from './touched.js';

type Tables = { readonly [T in keyof StorageTables]: Map<unknown, StorageTables[T]> };

interface JournalRecord {
  readonly revision: number;
  readonly outcomes: readonly StoredOutcome[];
  readonly touched: Touched;
}

interface Namespace {
  revision: number;
  lastSeq: number;
  journal: JournalRecord[];
  readonly tables: Tables;
}

/** What several {@link memoryStorage} instances share: the "disk" of one pretended device. Opaque. */
export interface MemoryDisk {
  /** @internal */
  readonly namespaces: Map<string, Namespace>;
}

export function createMemoryDisk(): MemoryDisk {
  return { namespaces: new Map() };
}

export interface MemoryStorageOptions {
  /**
   * The disk to use. Instances on one disk are as tabs of one browser, and a new instance on the disk of a dead one
   * is as the app after a crash.
   * @default a disk of its own
   */
  readonly disk?: MemoryDisk;
}

const TABLES = Object.keys(STORAGE_KEYS) as (keyof StorageTables)[];
const JOURNAL_KEPT = 1_000;
const JOURNAL_SLACK = 250;

/**
 * A storage that ends with the process: the fallback where IndexedDB is missing or refused, and the one for tests.
 * Values are cloned in and out, so that nobody shares a reference with the "disk".
 */
export function memoryStorage(options: MemoryStorageOptions = {}): SyncStorage {
  const disk = options.disk ?? createMemoryDisk();
  let namespace: string | undefined;
  /** The revision before this instance's first write, for what happens to that write before the first load. */
  let before: number | undefined;

  function opened(): Namespace {
    if (namespace === undefined)
      throw storageError('usage', 'Memory storage is not open. Call open() first.');
    let found = disk.namespaces.get(namespace);
    if (found === undefined) disk.namespaces.set(namespace, (found = emptyNamespace()));
    return found;
  }

  return {
    durable: false,
    // `async` turns what these throw into rejections; each runs to its end at once, which makes it atomic.
    // eslint-disable-next-line @typescript-eslint/require-await
    async open(name) {
      if (namespace !== undefined)
        throw storageError(
          'usage',
          `Memory storage is already open, for "${namespace}". Call close() first.`,
        );
      namespace = name;
      before = undefined;
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    async load(since) {
      return read(opened(), since, before);
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    async write(write) {
      const space = opened();
      const receipt = store(space, write);
      if (receipt !== 'stale') before ??= receipt.revision - 1;
      return receipt;
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    async destroy() {
      opened();
      disk.namespaces.delete(namespace as string);
      namespace = undefined;
    },
    close() {
      namespace = undefined;
      return Promise.resolve();
    },
  };
}

function emptyNamespace(): Namespace {
  return {
    revision: 0,
    lastSeq: 0,
    journal: [],
    tables: { log: new Map(), seals: new Map(), rows: new Map(), deadLetters: new Map(), meta: new Map() },
  };
}

function store(space: Namespace, received: StorageWrite): StorageReceipt | 'stale' {
  if (received.ifRevision !== undefined && received.ifRevision !== space.revision) return 'stale';
  const write = copy(received, 'write'); // throws before anything is changed
  const { tables } = space;
  const seqs = (write.append ?? []).map((mutations) => {
    const seq = ++space.lastSeq;
    tables.log.set(seq, { seq, mutations });
    return seq;
  });
  for (const table of TABLES) putAll(space, table, write.put?.[table]);
  for (const table of ['log', 'seals', 'deadLetters'] as const)
    for (const key of write.remove?.[table] ?? []) tables[table].delete(key);
  space.journal.push({
    revision: ++space.revision,
    outcomes: write.outcomes ?? [],
    touched: touchedBy(write, seqs),
  });
  if (space.journal.length > JOURNAL_KEPT + JOURNAL_SLACK) space.journal = space.journal.slice(-JOURNAL_KEPT);
  return { revision: space.revision, seqs };
}

function putAll<T extends keyof StorageTables>(
  space: Namespace,
  table: T,
  records: readonly StorageTables[T][] | undefined,
): void {
  for (const record of records ?? []) {
    const key = record[STORAGE_KEYS[table] as unknown as keyof StorageTables[T]];
    space.tables[table].set(key, record);
    if (table === 'log') space.lastSeq = Math.max(space.lastSeq, key as number);
  }
}

function read(space: Namespace, since: number | undefined, before: number | undefined): StorageState {
  const { revision, journal } = space;
  const heard = since ?? before;
  const news = heard === undefined ? [] : journal.filter((record) => record.revision > heard);
  const partial = since !== undefined && news.length === revision - since;
  const found = partial ? written(space, news) : everything(space);
  const { rows, ...rest } = copy(found, 'read');
  const outcomes = copy(
    news.flatMap((record) => record.outcomes),
    'read',
  );
  return { revision, partial, ...rest, rows: addRows(rows.map(named)), outcomes, unreadable: [] };
}

type Found = Pick<StorageState, 'log' | 'seals' | 'deadLetters' | 'meta' | 'removed'> & {
  readonly rows: readonly StoredRow[];
};

function everything({ tables }: Namespace): Found {
  return {
    log: [...tables.log.values()].sort((a, b) => a.seq - b.seq),
    seals: [...tables.seals.values()],
    deadLetters: [...tables.deadLetters.values()],
    meta: [...tables.meta.values()],
    rows: [...tables.rows.values()],
    removed: NOTHING_REMOVED,
  };
}

/** What `news` wrote, as it is now. */
function written({ tables }: Namespace, news: readonly JournalRecord[]): Found {
  const touched = touchedByAll(news.map((record) => record.touched));
  const present = <T>(table: ReadonlyMap<unknown, T>, keys: readonly unknown[]): T[] =>
    keys.flatMap((key) => table.get(key) ?? []);
  const gone = <K>(table: ReadonlyMap<unknown, unknown>, keys: readonly K[]): K[] =>
    keys.filter((key) => !table.has(key));
  return {
    log: present(tables.log, touched.log),
    seals: present(tables.seals, touched.seals),
    deadLetters: present(tables.deadLetters, touched.deadLetters),
    meta: present(tables.meta, touched.meta),
    rows: present(tables.rows, touched.rows),
    removed: {
      log: gone(tables.log, touched.log),
      seals: gone(tables.seals, touched.seals),
      deadLetters: gone(tables.deadLetters, touched.deadLetters),
    },
  };
}

function copy<T>(value: T, doing: string): T {
  try {
    return cloneValue(value);
  } catch (cause) {
    throw asStorageError(doing, cause);
  }
}
