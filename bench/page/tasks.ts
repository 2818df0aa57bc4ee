import { defineCollection, defineMutation } from '../../src/core.js';

export interface Task {
  readonly id: string;
  readonly title: string;
  readonly done: boolean;
  readonly position: number;
  readonly assignee: string;
  readonly note: string;
  readonly updatedAt: number;
}

export const tasks = defineCollection<Task>({ name: 'tasks', key: 'id' });

export const rename = defineMutation({
  name: 'rename',
  optimistic: (tx, v: { readonly id: string; readonly title: string }) =>
    tx.update(tasks, v.id, (draft) => {
      draft.title = v.title;
    }),
});

export const idOf = (n: number): string => `task-${n}`;
export const numberOf = (id: string): number => Number(id.slice('task-'.length));
export const titleOf = (n: number): string => `Inspect the runway lights, edit ${n}`;

export const task = (n: number): Task => ({
  id: idOf(n),
  title: `Inspect the runway lights of section ${n}`,
  done: n % 3 === 0,
  position: n,
  assignee: `user-${n % 40}`,
  note: 'Seen twice this week; the cable of the last one is worn and has to be replaced before winter.',
  updatedAt: 1_700_000_000_000 + n,
});

/** The title that row `n` has when edits 0 to `edits` - 1 have been dealt to `rows` rows in turn. */
export const lastTitle = (n: number, edits: number, rows: number): string =>
  titleOf(edits - 1 - ((edits - 1 - n) % rows));

export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error ?? new Error('deleteDatabase'));
  });
}
