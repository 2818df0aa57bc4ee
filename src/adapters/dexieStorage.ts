import type { SyncStorage } from '../engine/ports.js';
import { ascendingIds } from './ascendingIds.js';
import {
  deleteDatabase,
  openDatabase,
  type DexieStorageOptions,
  type OutboxDatabase,
} from './dexieDatabase.js';
import { readState } from './dexieRead.js';
import type { SparsePack } from './dexieRows.js';
import { writeOnce } from './dexieWrite.js';
import { asStorageError, isConnectionLost, storageError } from './storageError.js';

export type { DexieStorageOptions } from './dexieDatabase.js';

/** Packs that one write makes smaller: some milliseconds. */
const SPARSE_AT_ONCE = 2;

interface Session {
  readonly name: string;
  db: OutboxDatabase;
  /** Present while a lost connection is being replaced: callers share the one attempt. */
  reopening: Promise<void> | undefined;
  writes: number;
  /** The last revision this instance has seen; 0 before it has seen any. */
  seen: number;
  /** What is left of packs that have become sparse: put by the next writes of rows. */
  sparse: SparsePack[];
  /** The revision before this session's first write, for what happens to that write before the first load. */
  before: number | undefined;
}

type State =
  { readonly status: 'closed' | 'opening' } | { readonly status: 'open'; readonly session: Session };

/**
 * Storage in IndexedDB through Dexie: one database `holdfast:<namespace>`, strict durability, and each write
 * acknowledged when its transaction has completed. A connection the browser closes is replaced, and what ran on it is
 * carried out exactly once.
 *
 * @example
 * const client = createSyncClient({ storage: dexieStorage(), … });
 */
export function dexieStorage(options: DexieStorageOptions = {}): SyncStorage {
  const instance = ascendingIds()();
  let state: State = { status: 'closed' };
  const isCurrent = (other: State) => state === other;

  function current(): Session {
    if (state.status === 'open') return state.session;
    throw storageError('usage', `Dexie storage is ${state.status}. Call open() first, and await it.`);
  }

  /** Runs one whole transaction; if its connection is lost, once more on a new one. */
  async function run<T>(
    session: Session,
    doing: string,
    work: (db: OutboxDatabase, second: boolean) => Promise<T>,
  ): Promise<T> {
    const { db } = session;
    try {
      return await work(db, false);
    } catch (cause) {
      if (!isConnectionLost(cause) || !isOpen(session)) throw failure(session, doing, cause);
    }
    try {
      await reconnect(session, db);
      return await work(session.db, true);
    } catch (cause) {
      throw failure(session, doing, cause);
    }
  }

  function failure(session: Session, doing: string, cause: unknown): Error {
    if (isOpen(session) || !isConnectionLost(cause)) return asStorageError(doing, cause);
    return storageError('usage', `Dexie storage could not ${doing}: it was closed meanwhile.`, cause);
  }

  async function reconnect(session: Session, lost: OutboxDatabase): Promise<void> {
    if (session.db !== lost) return; // another call has replaced it
    lost.close();
    session.reopening ??= openDatabase(session.name, options)
      .then((db) => {
        session.db = db;
        if (!isOpen(session)) db.close();
      })
      .finally(() => {
        session.reopening = undefined;
      });
    await session.reopening;
  }

  function isOpen(session: Session): boolean {
    return state.status === 'open' && state.session === session;
  }

  return {
    durable: true,

    async open(namespace) {
      if (state.status !== 'closed')
        throw storageError('usage', `Dexie storage is already ${state.status}. Call close() first.`);
      const attempt: State = { status: 'opening' };
      state = attempt;
      const name = `holdfast:${namespace}`;
      try {
        const db = await openDatabase(name, options);
        const session = { name, db, reopening: undefined, writes: 0, seen: 0, sparse: [], before: undefined };
        if (isCurrent(attempt)) state = { status: 'open', session };
        else {
          db.close();
          throw storageError('usage', 'Dexie storage was closed while it was being opened.');
        }
      } catch (error) {
        if (isCurrent(attempt)) state = { status: 'closed' };
        throw error;
      }
    },

    async load(since) {
      const session = current();
      const outcomesSince = since ?? session.before;
      const sparse = (packs: SparsePack[]): void => {
        if (packs.length > 0) session.sparse = packs;
      };
      const loaded = await run(session, 'read', (db) => readState(db, { since, outcomesSince, sparse }));
      session.seen = Math.max(session.seen, loaded.revision);
      return loaded;
    },

    async write(write) {
      const session = current();
      const id = `${instance}:${session.writes++}`;
      const retryAfter = session.seen;
      const sparse = write.put?.rows?.length ? session.sparse.slice(0, SPARSE_AT_ONCE) : [];
      const receipt = await run(session, 'write', (db, second) =>
        writeOnce(db, { id, write, sparse, ...(second && { retryAfter }) }),
      );
      if (receipt === 'stale') return receipt;
      session.sparse = session.sparse.filter((pack) => !sparse.includes(pack));
      session.seen = Math.max(session.seen, receipt.revision);
      session.before ??= receipt.revision - 1;
      return receipt;
    },

    async destroy() {
      const { db } = current();
      state = { status: 'closed' };
      try {
        await deleteDatabase(db, options);
      } catch (cause) {
        throw asStorageError('delete the database', cause);
      }
    },

    close() {
      if (state.status === 'open') state.session.db.close();
      state = { status: 'closed' };
      return Promise.resolve();
    },
  };
}
