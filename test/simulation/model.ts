import { defineCollection, type AnyCollection } from '../../src/domain/collection.js';
import type { ConflictStrategy } from '../../src/domain/conflictStrategy.js';
import { defineMutation, type Definition } from '../../src/domain/definition.js';
import { SyncError } from '../../src/domain/errors.js';
import type { MutationFnContext } from '../../src/domain/definition.js';
import type { ScriptedCommand } from '../../src/testing/scriptedServer.js';
import type { Plan, Strategies, Strategy } from './plan.js';

export interface Todo {
  readonly id: string;
  n: number;
  a?: string;
  b?: string;
  c?: string;
  /** What the server refuses to have. */
  x?: string;
  list?: string;
  label?: string;
  paid?: number;
}

export interface List {
  readonly id: string;
  count: number;
}

/** Gets its id from the server. */
export interface Project {
  readonly id: string;
  text: string;
  title?: string;
  x?: string;
}

export interface Task {
  readonly id: string;
  /** The id of a project. */
  project: string;
  x?: string;
}

export const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });
// Each decides conflicts in another way; the first as every collection does that says nothing of them.
export const lists = defineCollection<List>({ name: 'lists', key: 'id', conflict: 'mergeFields' });
export const projects = defineCollection<Project>({
  name: 'projects',
  key: 'id',
  serverIds: true,
  conflict: 'clientWins',
});
export const tasks = defineCollection<Task>({
  name: 'tasks',
  key: 'id',
  conflict: 'serverWins',
  references: { project: 'projects' },
});
export const COLLECTIONS = [todos, lists, projects, tasks] as const;

/** The same, deciding conflicts as the plan has it. */
export function collectionsOf(
  { strategies }: Plan,
  sleep: (ms: number) => Promise<void>,
): readonly AnyCollection[] {
  if (strategies === undefined) return COLLECTIONS;
  return COLLECTIONS.map((one) => ({
    ...one,
    conflict: strategyOf(strategies[one.name as keyof Strategies], sleep),
  }));
}

function strategyOf(strategy: Strategy, sleep: (ms: number) => Promise<void>): ConflictStrategy<Some> {
  switch (strategy) {
    case 'custom':
      return mergeRows;
    case 'slow':
      return async (base, mine, theirs) => {
        await sleep(2_000);
        return mergeRows(base, mine, theirs);
      };
    case 'broken':
      return () => {
        throw new Error('a resolver that fails');
      };
    case 'mute':
      return () => new Promise(() => undefined);
    case 'lastWriteWins':
    case 'serverWins':
    case 'clientWins':
    case 'mergeFields':
    case 'ask':
      return strategy;
  }
}

type Some = Record<string, unknown>;

/** What mine has changed, on top of theirs. */
function mergeRows(
  base: Partial<Some> | undefined,
  mine: Some | undefined,
  theirs: Some | undefined,
): Some | 'mine' | 'server' {
  if (theirs === undefined) return 'server';
  if (mine === undefined) return 'mine';
  const edited = Object.entries(mine).filter(([field, value]) => base?.[field] !== value);
  return { ...theirs, ...Object.fromEntries(edited) };
}

export interface Counting {
  readonly id: string;
  readonly poison: string | undefined;
}

export interface Adding extends Counting {
  readonly by: number;
}

export interface Labelling extends Counting {
  readonly text: string;
}

export interface Tipping extends Counting {
  readonly amount: number;
}

export interface Moving {
  readonly id: string;
  readonly list: string;
}

export interface Retitling {
  readonly id: string;
  readonly text: string;
}

export interface Refiling {
  readonly id: string;
  readonly project: string;
}

export interface Definitions {
  readonly increment: Definition<Counting>;
  readonly bump: Definition<Counting>;
  readonly move: Definition<Moving>;
  readonly pay: Definition<Counting>;
  readonly add: Definition<Adding>;
  readonly label: Definition<Labelling>;
  readonly tip: Definition<Tipping>;
  readonly retitle: Definition<Retitling>;
  readonly refile: Definition<Refiling>;
}

/** More than this is not added at once. */
const MOST = 4;

/** How one process reaches the endpoint of a mutation that is sent by its own function. */
export type Call = (name: string, variables: Counting, context: MutationFnContext) => Promise<unknown>;

/** Whether it is sent by a function of its own, and answered without rows. */
export const isCall = (name: string | undefined): boolean => name === 'pay' || name === 'tip';

export function defineMutations(call: Call): Definitions {
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
      mutationFn: (variables, context) => call('pay', variables, context),
    }),
    add: defineMutation<Adding>({
      name: 'add',
      command: true,
      optimistic: (tx, { id, by }) => tx.update(todos, id, (draft) => void (draft.n += by)),
      coalesce(older, newer) {
        const poison = newer.poison ?? older.poison;
        const by = older.by + newer.by;
        if (Math.abs(by) > MOST) return undefined;
        return by === 0 && poison === undefined ? 'annul' : { id: older.id, by, poison };
      },
    }),
    label: defineMutation<Labelling>({
      name: 'label',
      onRejected: 'hold',
      optimistic: (tx, { id, text, poison }) =>
        tx.update(todos, id, { label: text, ...(poison !== undefined && { x: poison }) }),
      coalesce: (older, newer) => ({ ...newer, poison: newer.poison ?? older.poison }),
    }),
    tip: defineMutation<Tipping>({
      name: 'tip',
      optimistic: (tx, { id, amount }) =>
        tx.update(todos, id, (draft) => void (draft.paid = (draft.paid ?? 0) + amount)),
      mutationFn: (variables, context) => call('tip', variables, context),
      coalesce: (older, newer) => ({
        id: older.id,
        amount: older.amount + newer.amount,
        poison: newer.poison ?? older.poison,
      }),
    }),
    retitle: defineMutation<Retitling>({
      name: 'retitle',
      optimistic: (tx, { id, text }) => tx.update(projects, id, { title: text }),
      coalesce: (_older, newer) => newer,
    }),
    refile: defineMutation<Refiling>({
      name: 'refile',
      optimistic: (tx, { id, project }) => tx.update(tasks, id, { project }),
    }),
  };
}

const onTodo =
  <V extends Counting>(edit: (row: Todo, variables: V) => Todo): ScriptedCommand =>
  (variables: V, tx) => {
    const row = tx.get('todos', variables.id) as Todo | undefined;
    if (row === undefined) throw new SyncError('REFUSED', `no todo ${variables.id}`);
    tx.put('todos', variables.id, { ...edit(row, variables) });
    return 'done';
  };

/** What the server does for commands, and behind the endpoint for the mutations that are sent to it. */
export const COMMANDS: Readonly<Record<string, ScriptedCommand>> = {
  bump: onTodo((row) => ({ ...row, n: row.n + 1 })),
  add: onTodo<Adding>((row, { by }) => ({ ...row, n: row.n + by })),
  pay: onTodo((row) => ({ ...row, paid: (row.paid ?? 0) + 1 })),
  tip: onTodo<Tipping>((row, { amount }) => ({ ...row, paid: (row.paid ?? 0) + amount })),
};
