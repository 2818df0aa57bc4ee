import { answer } from './readBack.js';
import { idOf, titleOf } from './tasks.js';

/** IndexedDB without anything in between: the floor of everything durable. */
export interface RawDatabase {
  /** One strict transaction; resolves when it has completed. */
  put(records: readonly object[]): Promise<void>;
  all(): Promise<unknown[]>;
  close(): void;
}

const STORE = 'records';

export async function openRaw(name: string): Promise<RawDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { autoIncrement: true });
  const db = await answer(request);
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
    close: () => db.close(),
  };
}

/** An edit with what an outbox must know of it. */
export interface EditRecord {
  readonly token: string;
  readonly id: string;
  readonly patch: { readonly title: string };
  readonly previous: { readonly title: string };
  readonly createdAt: number;
}

/** Edit `n` of row `n % rows`. */
export const records = (count: number, rows: number): EditRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    token: crypto.randomUUID(),
    id: idOf(n % rows),
    patch: { title: titleOf(n) },
    previous: { title: titleOf(n - rows) },
    createdAt: 1_700_000_000_000 + n,
  }));

/** The same in groups of 256: what costs is a request per record. */
export function batches(all: readonly object[]): object[] {
  const out: object[] = [];
  for (let i = 0; i < all.length; i += 256) out.push({ mutations: all.slice(i, i + 256) });
  return out;
}

export const mergedByRow = (all: readonly object[]): object[] => [
  ...new Map((all as readonly EditRecord[]).map((record) => [record.id, record])).values(),
];
