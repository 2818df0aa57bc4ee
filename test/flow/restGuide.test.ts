import { readFileSync } from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';
import { createSyncClient, defineCollection, restTransport, type RestFields } from '../../src/core.js';
import { startJsonServer } from './restServers.js';

const session = { token: 's3cret' };

// example
interface Todo {
  id: string;
  title: string;
  done: boolean;
  listId: string;
}
/** What the API calls it. */
interface Task {
  id: string;
  name: string;
  done: boolean;
  list_id: string;
}

const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });

const sync = createSyncClient({
  name: 'todo-app',
  collections: [todos],
  transport: restTransport({
    url: '/api',
    auth: { headers: () => ({ authorization: `Bearer ${session.token}` }) },
    resources: {
      todos: {
        path: '/tasks',
        contentType: 'application/json',
        toBody: ({ title, listId, ...rest }: RestFields<Todo>) => ({ ...rest, name: title, list_id: listId }),
        fromBody: ({ name, list_id, ...rest }: Task): Todo => ({ ...rest, title: name, listId: list_id }),
      },
    },
  }),
});
// end

afterAll(async () => {
  await sync.dispose();
  vi.unstubAllGlobals();
});

test('the example in docs/rest.md is this file', () => {
  const own = readFileSync(import.meta.filename, 'utf8');
  const example = own.slice(own.indexOf('// example\n') + '// example\n'.length, own.indexOf('// end\n'));
  expect(readFileSync(`${import.meta.dirname}/../../docs/rest.md`, 'utf8')).toContain(example);
});

test('MU7 the example in docs/rest.md reaches a server that calls everything differently', async () => {
  const server = await startJsonServer({ tasks: [] });
  const real = fetch;
  const sent: string[] = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    const { authorization } = init.headers as Record<string, string>;
    sent.push(`${init.method!} ${path} ${authorization!} ${String(init.body as string | undefined)}`);
    return real(server.url + path.slice('/api'.length), init);
  });
  await sync.insert(todos, { id: 't1', title: 'Milk', done: false, listId: 'l1' }).confirmed;
  await sync.update(todos, 't1', { done: true }).confirmed;
  await sync.update(todos, 't1', { title: 'Oat milk' }).confirmed;
  expect(sent).toEqual([
    'POST /api/tasks Bearer s3cret {"id":"t1","done":false,"name":"Milk","list_id":"l1"}',
    'PATCH /api/tasks/t1 Bearer s3cret {"done":true}',
    'PATCH /api/tasks/t1 Bearer s3cret {"name":"Oat milk"}',
  ]);
  expect(await server.read('/tasks')).toEqual([{ id: 't1', name: 'Oat milk', done: true, list_id: 'l1' }]);
  expect(sync.get(todos, 't1')).toEqual({ id: 't1', title: 'Oat milk', done: true, listId: 'l1' });
});
