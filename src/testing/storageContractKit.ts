import { entityKey } from '../domain/entity.js';
import { SyncError } from '../domain/errors.js';
import type { StorageReceipt, StorageState, StorageWrite, StoredRow, SyncStorage } from '../engine/ports.js';

/** What the contract suite needs of a test runner: the functions of vitest, jest and bun fit as they are. */
export interface ContractTools {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: (name: string, body: () => Promise<void>, timeoutMs?: number) => unknown;
  readonly expect: (value: unknown) => {
    toBe(expected: unknown): unknown;
    toEqual(expected: unknown): unknown;
  };
}

/** Makes an instance that is not open yet. All instances share one disk, as the tabs of one browser do. */
export type StorageFactory = () => SyncStorage;

/** A part of the suite. Its `test` passes `tab`, which opens one more instance on the test's own namespace. */
export type Section = (suite: {
  readonly test: (
    title: string,
    body: (tab: () => Promise<SyncStorage>) => Promise<void>,
    timeoutMs?: number,
  ) => void;
  readonly expect: ContractTools['expect'];
  readonly factory: StorageFactory;
}) => void;

export function empty(revision: number): StorageState {
  return {
    revision,
    log: [],
    seals: [],
    deadLetters: [],
    meta: [],
    rows: new Map(),
    partial: false,
    removed: { log: [], seals: [], deadLetters: [] },
    outcomes: [],
    unreadable: [],
  };
}

export async function receipt(storage: SyncStorage, write: StorageWrite): Promise<StorageReceipt> {
  const result = await storage.write(write);
  if (result === 'stale') throw new Error('The write was stale, though it named no revision.');
  return result;
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'It resolved.',
    (error: unknown) => error,
  );
}

export function codeOf(error: unknown): unknown {
  return error instanceof SyncError ? error.code : error;
}

export function tokens(state: StorageState): string[] {
  return state.log.flatMap((record) => record.mutations.map((m) => m.token));
}

/** The rows of a state as they were written; they have no order of their own. */
export function rowsOf({ rows }: StorageState): StoredRow[] {
  const all = [...rows].flatMap(([collection, byId]) =>
    [...byId].map(([id, { row, version }]) => ({ key: entityKey(collection, id), row, version })),
  );
  return all.sort((a, b) => (a.key < b.key ? -1 : 1));
}
