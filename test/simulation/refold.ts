import type { Change } from '../../src/domain/changes.js';
import type {
  Adding,
  Counting,
  Labelling,
  List,
  Moving,
  Refiling,
  Retitling,
  Tipping,
  Todo,
} from './model.js';

// What mutations mean, said once more and without sharing a line with the code it checks.

export type Rows = Map<string, object | undefined>;

/** What the independent recomputation needs of a mutation. */
export interface Recorded {
  readonly name: string;
  readonly variables: unknown;
  readonly changes: readonly Change[];
  /** A conflict was resolved: the changes are what it means. */
  readonly resolved?: true;
}

/** The id that a row goes by now. */
export type Resolve = (collection: string, id: string) => string;

const asItIs: Resolve = (_collection, id) => id;

/** view = base + pending. */
export function refold(
  base: ReadonlyMap<string, object | undefined>,
  pending: Iterable<Recorded>,
  resolve: Resolve = asItIs,
): Rows {
  const rows: Rows = new Map(base);
  for (const mutation of pending) applyRecorded(rows, mutation, resolve);
  for (const [key, row] of rows) if (row === undefined) rows.delete(key);
  return rows;
}

export function applyRecorded(rows: Rows, recorded: Recorded, resolve: Resolve = asItIs): void {
  const { name, variables, changes, resolved } = recorded;
  const edit = <R extends object>(key: string, change: (row: R) => R): void => {
    const row = rows.get(key) as R | undefined;
    if (row !== undefined) rows.set(key, change(row));
  };
  switch (resolved === true ? '' : name) {
    case 'increment':
    case 'bump':
      edit<Todo>(`todos/${(variables as Counting).id}`, (row) => ({ ...row, n: row.n + 1 }));
      return;
    case 'add': {
      const { id, by } = variables as Adding;
      edit<Todo>(`todos/${id}`, (row) => ({ ...row, n: row.n + by }));
      return;
    }
    case 'pay':
    case 'tip': {
      const { id, amount = 1 } = variables as Partial<Tipping> & Counting;
      edit<Todo>(`todos/${id}`, (row) => ({ ...row, paid: (row.paid ?? 0) + amount }));
      return;
    }
    case 'label': {
      const { id, text, poison } = variables as Labelling;
      edit(`todos/${id}`, (row) => ({ ...row, label: text, ...(poison !== undefined && { x: poison }) }));
      return;
    }
    case 'move': {
      const { id, list } = variables as Moving;
      const [row, to] = [rows.get(`todos/${id}`), rows.get(`lists/${list}`) as List | undefined];
      if (row === undefined || to === undefined) return;
      rows.set(`todos/${id}`, { ...row, list });
      rows.set(`lists/${list}`, { ...to, count: to.count + 1 });
      return;
    }
    case 'retitle': {
      const { id, text } = variables as Retitling;
      edit(`projects/${resolve('projects', id)}`, (row) => ({ ...row, title: text }));
      return;
    }
    case 'refile': {
      const { id, project } = variables as Refiling;
      edit(`tasks/${id}`, (row) => ({ ...row, project: resolve('projects', project) }));
      return;
    }
    default:
      for (const change of changes) applyChange(rows, renamed(change, resolve));
  }
}

/** A change as it reads with the ids that rows go by now. */
function renamed(change: Change, resolve: Resolve): Change {
  const id = resolve(change.collection, change.id);
  const inRow = <R extends object>(row: R): R => ({
    ...row,
    ...('id' in row && row.id === change.id && { id }),
    ...(change.collection === 'tasks' &&
      'project' in row && { project: resolve('projects', row.project as string) }),
  });
  if (change.kind === 'insert') return { ...change, id, row: inRow(change.row) };
  return change.kind === 'update' ? { ...change, id, patch: inRow(change.patch) } : { ...change, id };
}

export function applyChange(rows: Rows, change: Change): void {
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
