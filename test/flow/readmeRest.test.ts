import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { createSyncClient, defineCollection, defineMutation } from '../../src/core.js';

interface Todo {
  id: string;
  title: string;
}
const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });

// example
const renameTodo = defineMutation({
  name: 'renameTodo',
  optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, { title: v.title }),
  mutationFn: async (v, { signal, idempotencyKey }) => {
    const response = await fetch(`/api/todos/${encodeURIComponent(v.id)}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
      body: JSON.stringify({ title: v.title }),
      signal,
    });
    if (!response.ok) throw Object.assign(new Error('rename failed'), { status: response.status });
    return (await response.json()) as Todo;
  },
});
// end

afterEach(() => vi.unstubAllGlobals());

test('the REST example in the README is this file', () => {
  const own = readFileSync(import.meta.filename, 'utf8');
  const example = own.slice(own.indexOf('// example\n') + '// example\n'.length, own.indexOf('// end\n'));
  expect(readFileSync(`${import.meta.dirname}/../../README.md`, 'utf8')).toContain(example);
});

test('MU7 the REST example is sent with one key until there is an answer, and a 422 takes exactly it back', async () => {
  const requests: { url: string; key: string | null; title: string }[] = [];
  const answers = [
    new Response('busy', { status: 503 }),
    Response.json({ id: 't 1', title: 'A' }),
    Response.json({}, { status: 422 }),
  ];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const { title } = JSON.parse(init.body as string) as { title: string };
    requests.push({ url, key: new Headers(init.headers).get('idempotency-key'), title });
    return Promise.resolve(answers.shift());
  });
  const sync = createSyncClient({
    name: 'rest',
    collections: [todos],
    mutations: [renameTodo, createTodo],
    retry: { baseMs: 1, capMs: 1 },
  });
  await sync.mutate(createTodo, { id: 't 1', title: 'base' }).confirmed;
  expect(await sync.mutate(renameTodo, { id: 't 1', title: 'A' }).acknowledged).toEqual({
    id: 't 1',
    title: 'A',
  });
  const refused = sync.mutate(renameTodo, { id: 't 1', title: 'B' });
  expect(sync.get(todos, 't 1')).toEqual({ id: 't 1', title: 'B' });
  await expect(refused.confirmed).rejects.toMatchObject({ code: 'REFUSED', status: 422 });
  expect(sync.get(todos, 't 1')).toEqual({ id: 't 1', title: 'A' });
  const [first, again, second] = requests;
  expect(requests).toHaveLength(3);
  expect(first).toMatchObject({ url: '/api/todos/t%201', title: 'A' });
  expect(again).toEqual(first);
  expect(second?.key).not.toBe(first?.key);
  await sync.dispose();
});

const createTodo = defineMutation({
  name: 'createTodo',
  optimistic: (tx, todo: Todo) => tx.insert(todos, todo),
  mutationFn: () => Promise.resolve(),
});
