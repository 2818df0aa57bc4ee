import { keyOf, type Change } from '../../src/domain/changes.js';
import type { MutationRecord } from '../../src/domain/mutation.js';
import { deleteDatabase } from './tasks.js';

/** IndexedDB without anything in between: the floor of everything durable. */
export interface RawDatabase {
  /** One strict transaction; resolves when it has completed. */
  put(records: readonly object[]): Promise<void>;
  all(): Promise<unknown[]>;
  count(): Promise<number>;
  remove(): Promise<void>;
}

const STORE = 'records';

export async function openRaw(name: string): Promise<RawDatabase> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('open'));
  });
  const answer = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('request'));
    });
  return {
    put: (records) =>
      new Promise((resolve, reject) => {
        const transaction = db.transaction(STORE, 'readwrite', { durability: 'strict' });
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error('aborted'));
        const store = transaction.objectStore(STORE);
        for (const record of records) store.add(record);
        transaction.commit();
      }),
    all: () => answer(db.transaction(STORE).objectStore(STORE).getAll()),
    count: () => answer(db.transaction(STORE).objectStore(STORE).count()),
    remove() {
      db.close();
      return deleteDatabase(name);
    },
  };
}

/** A mutation as the outbox stores it: the same bytes for the floors. */
export function recordOf(n: number, change: Change): MutationRecord {
  return {
    token: crypto.randomUUID(),
    rev: 0,
    name: `@${change.kind}`,
    schema: 1,
    variables: undefined,
    changes: [change],
    lanes: [keyOf(change)],
    priority: 'normal',
    dependsOn: [],
    createdAt: 1_700_000_000_000 + n,
  };
}

export function record(n: number): MutationRecord {
  return recordOf(n, {
    kind: 'update',
    collection: 'tasks',
    id: `task-${n}`,
    patch: { title: `Inspect the runway lights, edit ${n}` },
    unset: [],
    previous: { title: `Inspect the runway lights of section ${n}` },
  });
}

export const records = (count: number): object[] => Array.from({ length: count }, (_, n) => record(n));

/** The same as `count` records in groups of 256, as the outbox's log has them. */
export function batches(all: readonly object[]): object[] {
  const out: object[] = [];
  for (let i = 0; i < all.length; i += 256) out.push({ mutations: all.slice(i, i + 256) });
  return out;
}
