import {
  defineMutation,
  type Change,
  type Definition,
  type SyncClient,
  type Transaction,
} from '../../src/core.js';
import { idOf, task, tasks, type Task } from './tasks.js';

/**
 * A morning without a network: 10,000 edits of 500 rows, 20 of each, in two bursts of ten keystrokes with all the other
 * rows in between. Every fifth row is a draft: created, typed into 18 times, thrown away.
 */
export type Edit =
  | { readonly kind: 'create'; readonly row: Task }
  | { readonly kind: 'type'; readonly id: string; readonly title: string }
  | { readonly kind: 'discard'; readonly id: string };

const ROWS = 500;
const EDITS_PER_ROW = 20;
const BURST = 10;
const NEWS = 'the cable is worn, replace it';

const isDraft = (row: number): boolean => row % 5 === 0;
const typed = (row: number, keystrokes: number): string => `${task(row).title}: ${NEWS.slice(0, keystrokes)}`;

function editOf(row: number, n: number): Edit {
  if (isDraft(row) && n === 0) return { kind: 'create', row: task(row) };
  if (isDraft(row) && n === EDITS_PER_ROW - 1) return { kind: 'discard', id: idOf(row) };
  return { kind: 'type', id: idOf(row), title: typed(row, n + 1) };
}

export const EDITS: readonly Edit[] = Array.from({ length: EDITS_PER_ROW / BURST }, (_, burst) =>
  Array.from({ length: ROWS }, (_, row) =>
    Array.from({ length: BURST }, (_, n) => editOf(row, burst * BURST + n)),
  ),
).flat(2);

const realRows = (): number[] => Array.from({ length: ROWS }, (_, row) => row).filter((row) => !isDraft(row));

/** The rows that the server has before, or after. */
export const rowsBefore = (): Task[] => realRows().map(task);
export const rowsAfter = (): Task[] =>
  realRows().map((row) => ({ ...task(row), title: typed(row, EDITS_PER_ROW) }));

export function changeOf(edit: Edit): Change {
  const collection = tasks.name;
  switch (edit.kind) {
    case 'create':
      return { kind: 'insert', collection, id: edit.row.id, row: { ...edit.row } };
    case 'type':
      return {
        kind: 'update',
        collection,
        id: edit.id,
        patch: { title: edit.title },
        unset: [],
        previous: { title: edit.title.slice(0, -1) },
      };
    case 'discard':
      return { kind: 'delete', collection, id: edit.id, previous: {} };
  }
}

/** Makes one edit; resolves when it is durable. */
export type Make = (client: SyncClient, edit: Edit) => Promise<void>;

/** As `insert`, `update` and `delete`: these merge by themselves. */
export const byBuiltIns: Make = (client, edit) => {
  switch (edit.kind) {
    case 'create':
      return client.insert(tasks, edit.row).enqueued;
    case 'type':
      return client.update(tasks, edit.id, { title: edit.title }).enqueued;
    case 'discard':
      return client.delete(tasks, edit.id).enqueued;
  }
};

function optimistic(tx: Transaction, edit: Edit): void {
  switch (edit.kind) {
    case 'create':
      tx.insert(tasks, edit.row);
      break;
    case 'type':
      tx.update(tasks, edit.id, { title: edit.title });
      break;
    case 'discard':
      tx.delete(tasks, edit.id);
  }
}

function coalesce(older: Edit, newer: Edit): Edit | 'annul' | undefined {
  switch (newer.kind) {
    case 'create':
      return undefined;
    case 'type':
      return older.kind === 'create' ? { kind: 'create', row: { ...older.row, title: newer.title } } : newer;
    case 'discard':
      return older.kind === 'create' ? 'annul' : newer;
  }
}

/**
 * The same edits as a mutation of the app's. It sends its changes, so that an op has the bytes that a built-in one has;
 * without `coalesce` each goes by itself, and nothing else is different.
 */
export const edit: Definition<Edit> = defineMutation({ name: 'edit', optimistic });
export const mergingEdit: Definition<Edit> = defineMutation({ name: 'edit', optimistic, coalesce });

export const by =
  (definition: Definition<Edit>): Make =>
  (client, one) =>
    client.mutate(definition, one).enqueued;
