import { defineCollection } from '../../src/domain/collection.js';
import { defineMutation, type Definition } from '../../src/domain/definition.js';
import { SyncError } from '../../src/domain/errors.js';
import type { Change } from '../../src/domain/changes.js';
import type { MutationFnContext } from '../../src/domain/definition.js';
import type { ScriptedCommand } from '../../src/testing/scriptedServer.js';

export interface Todo {
  readonly id: string;
  n: number;
  a?: string;
  b?: string;
  c?: string;
  /** What the server refuses to have. */
  x?: string;
  list?: string;
  paid?: number;
}

export interface List {
  readonly id: string;
  count: number;
}

export const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });
export const lists = defineCollection<List>({ name: 'lists', key: 'id' });

export interface Counting {
  readonly id: string;
  readonly poison: string | undefined;
}

export interface Moving {
  readonly id: string;
  readonly list: string;
}

export interface Definitions {
  readonly increment: Definition<Counting>;
  readonly bump: Definition<Counting>;
  readonly move: Definition<Moving>;
  readonly pay: Definition<Counting>;
}

/** The app's mutations; `call` is how one process reaches the endpoint of `pay`. */
export function defineMutations(
  call: (variables: Counting, context: MutationFnContext) => Promise<unknown>,
): Definitions {
  return {
    increment: defineMutation<Counting>({
      name: 'increment',
      optimistic: (tx, { id }) => tx.update(todos, id, (draft) => void (draft.n += 1)),
    }),
    bump: defineMutation<Counting>({
      name: 'bump',
      command: true,
      optimistic: (tx, { id }) => tx.update(todos, id, (draft) => void (draft.n += 1)),
    }),
    move: defineMutation<Moving>({
      name: 'move',
      optimistic: (tx, { id, list }) => {
        tx.update(todos, id, (draft) => void (draft.list = list));
        tx.update(lists, list, (draft) => void (draft.count += 1));
      },
    }),
    pay: defineMutation<Counting>({
      name: 'pay',
      optimistic: (tx, { id }) => tx.update(todos, id, (draft) => void (draft.paid = (draft.paid ?? 0) + 1)),
      mutationFn: call,
    }),
  };
}

const onTodo =
  (edit: (row: Todo) => Todo): ScriptedCommand =>
  ({ id }: Counting, tx) => {
    const row = tx.get('todos', id) as Todo | undefined;
    if (row === undefined) throw new SyncError('REFUSED', `no todo ${id}`);
    tx.put('todos', id, { ...edit(row) });
    return 'done';
  };

/** What the server does for `bump`, and behind the endpoint for `pay`. */
export const COMMANDS: Readonly<Record<string, ScriptedCommand>> = {
  bump: onTodo((row) => ({ ...row, n: row.n + 1 })),
  pay: onTodo((row) => ({ ...row, paid: (row.paid ?? 0) + 1 })),
};

export type Rows = Map<string, object | undefined>;

/** What the independent recomputation needs of a mutation. */
export interface Recorded {
  readonly name: string;
  readonly variables: unknown;
  readonly changes: readonly Change[];
}

/** view = base + pending, said once more and without sharing a line with the code it checks. */
export function refold(base: ReadonlyMap<string, object | undefined>, pending: Iterable<Recorded>): Rows {
  const rows: Rows = new Map(base);
  for (const mutation of pending) apply(rows, mutation);
  for (const [key, row] of rows) if (row === undefined) rows.delete(key);
  return rows;
}

function apply(rows: Rows, { name, variables, changes }: Recorded): void {
  switch (name) {
    case 'increment':
    case 'bump':
    case 'pay': {
      const key = `todos/${(variables as Counting).id}`;
      const row = rows.get(key) as Todo | undefined;
      if (row === undefined) return;
      rows.set(key, name === 'pay' ? { ...row, paid: (row.paid ?? 0) + 1 } : { ...row, n: row.n + 1 });
      return;
    }
    case 'move': {
      const { id, list } = variables as Moving;
      const row = rows.get(`todos/${id}`);
      const to = rows.get(`lists/${list}`) as List | undefined;
      if (row === undefined || to === undefined) return;
      rows.set(`todos/${id}`, { ...row, list });
      rows.set(`lists/${list}`, { ...to, count: to.count + 1 });
      return;
    }
    default:
      for (const change of changes) applyRecorded(rows, change);
  }
}

function applyRecorded(rows: Rows, change: Change): void {
  const key = `${change.collection}/${change.id}`;
  if (change.kind === 'insert') rows.set(key, change.row);
  if (change.kind === 'delete') rows.set(key, undefined);
  if (change.kind !== 'update') return;
  const row = rows.get(key);
  if (row === undefined) return;
  const kept = Object.entries(row).filter(([field]) => !change.unset.includes(field));
  rows.set(key, { ...Object.fromEntries(kept), ...change.patch });
}

/** The same data, whatever the order of the fields. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const fields = Object.keys(x);
  return fields.length === Object.keys(y).length && fields.every((f) => f in y && isSame(x[f], y[f]));
}
