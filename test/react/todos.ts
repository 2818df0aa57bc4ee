import { defineCollection, type Collection } from '../../src/domain/collection.js';
import { defineMutation, type Definition } from '../../src/domain/definition.js';

export interface Todo {
  id: string;
  title: string;
  done: boolean;
  rank: number;
}

export const todos: Collection<Todo> = defineCollection<Todo>({ name: 'todos', key: 'id' });

export const todo = (id: string, fields: Partial<Todo> = {}): Todo => ({
  id,
  title: `Todo ${id}`,
  done: false,
  rank: 0,
  ...fields,
});

export const renameTodo: Definition<{ id: string; title: string }> = defineMutation({
  name: 'renameTodo',
  optimistic: (tx, v: { id: string; title: string }) => {
    if (v.title === '') throw new Error('A title is needed');
    tx.update(todos, v.id, { title: v.title });
  },
});

/** What is refused of it stays on the screen. */
export const proposeTitle: Definition<{ id: string; title: string }> = defineMutation({
  name: 'proposeTitle',
  onRejected: 'hold',
  optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, { title: v.title }),
});

interface Rename {
  id: string;
  title: string;
}

interface Call {
  readonly variables: Rename;
  answer(saved: Saved): void;
  fail(error: unknown): void;
}

export interface Saved {
  readonly saved: string;
}

export interface Api {
  readonly saveTodo: Definition<Rename, Saved>;
  /** Calls that wait for their answer, oldest first. */
  readonly calls: Call[];
}

/** An app's own API, whose answers a test gives. */
export function createApi(): Api {
  const calls: Call[] = [];
  const saveTodo = defineMutation({
    name: 'saveTodo',
    optimistic: (tx, v: Rename) => tx.update(todos, v.id, { title: v.title }),
    mutationFn: (variables) =>
      new Promise<Saved>((answer, fail) => {
        calls.push({ variables, answer, fail });
      }),
  });
  return { saveTodo, calls };
}
