import {
  forceCloseDatabase,
  IDBDatabase as FakeDatabase,
  IDBFactory as FakeFactory,
  IDBKeyRange as FakeKeyRange,
} from 'fake-indexeddb';
import { onTestFinished, vi } from 'vitest';
import { dexieStorage, type DexieStorageOptions } from '../../src/adapters/dexieStorage.js';
import type { SyncStorage } from '../../src/engine/ports.js';

/** What fake-indexeddb's transactions have besides the standard. */
interface FakeTransaction extends IDBTransaction {
  _rollbackLog: unknown[];
  _abort(errorName: string): void;
}

export interface Faults {
  /** What happens to the next writing transactions, one entry each; after these all goes well. */
  readonly next: Fault[];
  /** The options every transaction was made with. */
  readonly made: { mode: string | undefined; durability: string | undefined }[];
}

export type Fault =
  | 'fine'
  /** All requests succeed, and the commit fails: what a full disk looks like. */
  | 'quota'
  /** The connection goes before the commit: rolled back. */
  | 'lostBefore'
  /** The commit is done, and the connection goes before anyone hears of it. */
  | 'lostAfter';

/** Breaks commits of one fake IndexedDB on demand. */
export function injectFaults(): Faults {
  const faults: Faults = { next: [], made: [] };
  const create = FakeDatabase.prototype.transaction;
  const spy = vi.spyOn(FakeDatabase.prototype, 'transaction').mockImplementation(function (
    this: IDBDatabase,
    ...args
  ) {
    const tx = create.apply(this, args) as FakeTransaction;
    faults.made.push({ mode: args[1], durability: args[2]?.durability });
    const fault = args[1] === 'readwrite' ? (faults.next.shift() ?? 'fine') : 'fine';
    if (fault !== 'fine') failCommit(tx, fault);
    return tx;
  });
  onTestFinished(() => spy.mockRestore());
  return faults;
}

function failCommit(tx: FakeTransaction, fault: Exclude<Fault, 'fine'>): void {
  const dispatch = tx.dispatchEvent.bind(tx);
  tx.dispatchEvent = (event) => {
    if (event.type !== 'complete') return dispatch(event);
    if (fault === 'lostAfter') tx._rollbackLog = []; // what is committed stays
    tx._abort(fault === 'quota' ? 'QuotaExceededError' : 'AbortError');
    if (fault !== 'quota') forceClose(tx.db);
    return true;
  };
}

/** As when site data is cleared, or the storage process dies. */
export function forceClose(db: IDBDatabase): void {
  (forceCloseDatabase as unknown as (db: IDBDatabase) => void)(db);
}

/** A factory that remembers its connections, so that a test can break them. */
export function trackedFactory(): { readonly indexedDB: IDBFactory; readonly connections: IDBDatabase[] } {
  const indexedDB = new FakeFactory();
  const connections: IDBDatabase[] = [];
  const open = indexedDB.open.bind(indexedDB);
  indexedDB.open = (...args) => {
    const request = open(...args);
    request.addEventListener('success', () => connections.push(request.result));
    return request;
  };
  return { indexedDB, connections };
}

export async function openedOn(
  indexedDB: IDBFactory,
  options: DexieStorageOptions = {},
): Promise<SyncStorage> {
  const storage = dexieStorage({ indexedDB, IDBKeyRange: FakeKeyRange, ...options });
  await storage.open('faults');
  return storage;
}

/** Makes one record unreadable, alone and in bulk, as one whose bytes on disk are damaged: a read clones its value. */
export function damage(db: IDBDatabase, store: string, key: string | number): { restore(): void } {
  const record = recordOf(db, store, key);
  const { value } = record;
  record.value = () => 'cannot be cloned';
  return { restore: () => (record.value = value) };
}

/** How many records a store has. */
export function countOf(db: IDBDatabase, store: string): Promise<number> {
  return new Promise((resolve) => {
    const request = db.transaction(store).objectStore(store).count();
    request.onsuccess = () => resolve(request.result);
  });
}

/** Changes a part of the text of one record. */
export function garble(db: IDBDatabase, store: string, key: number, part: string, into: string): void {
  const record = recordOf(db, store, key);
  const value = record.value as { json: string };
  record.value = { ...value, json: value.json.replace(part, into) };
}

function recordOf(db: IDBDatabase, store: string, key: string | number): { value: unknown } {
  const raw = (db as unknown as { _rawDatabase: RawDatabase })._rawDatabase.rawObjectStores.get(store);
  const record = raw?.records.get(key);
  if (record === undefined) throw new Error(`${store} has no record ${key}`);
  return record;
}

interface RawDatabase {
  readonly rawObjectStores: Map<
    string,
    { records: { get(key: string | number): { value: unknown } | undefined } }
  >;
}
