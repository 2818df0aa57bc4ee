import { expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import { startClient, todos } from '../engine/testClient.js';

const plusOne = defineMutation({
  name: 'plusOne',
  optimistic: (tx, id: string) =>
    tx.update(todos, id, (draft) => {
      draft.n = (draft.n ?? 0) + 1;
    }),
});
const rename = defineMutation({
  name: 'rename',
  optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, { title: v.title }),
});

test('ST3 two n + 1 wait in one queue, the first is refused: server and view say 1', async () => {
  const { client, server, settle } = await startClient({ mutations: [plusOne] });
  server.put('todos', 'a', { id: 'a', title: 'a', n: 0 });
  await client.sync();
  client.pause();
  const first = client.mutate(plusOne, 'a');
  const second = client.mutate(plusOne, 'a');
  expect(client.get(todos, 'a')?.n).toBe(2);
  server.refuse((op) => op.op === first.token && 422);
  client.resume();
  await settle();
  await second.confirmed;
  await expect(first.confirmed).rejects.toMatchObject({ code: 'REFUSED' });
  expect(client.get(todos, 'a')?.n).toBe(1);
  expect(server.get('todos', 'a')).toMatchObject({ n: 1 });
});

test('SC1 what says the same without the others goes in one request', async () => {
  const { client, server } = await startClient({ mutations: [rename] });
  client.pause();
  client.insert(todos, { id: 'a', title: 'a' });
  for (const title of ['b', 'c', 'd']) client.mutate(rename, { id: 'a', title });
  client.resume();
  const { summary } = await client.sync({ direction: 'push' });
  expect(summary).toMatchObject({ attempted: 4, confirmed: 4, requests: 1 });
  expect(server.get('todos', 'a')).toMatchObject({ title: 'd' });
});

test('SC4 dependsOn a mutation with a function of its own: sent after it, and not asked of a server that never saw it', async () => {
  const calls: string[] = [];
  const upload = defineMutation({
    name: 'upload',
    optimistic: (tx, id: string) => tx.insert(todos, { id, title: 'uploaded' }),
    mutationFn: (id) => Promise.resolve(calls.push(id)),
  });
  const { client, server, settle } = await startClient({ mutations: [upload] });
  const photo = client.mutate(upload, 'photo');
  const note = client.insert(todos, { id: 'note', title: 'see photo' }, { dependsOn: [photo.token] });
  await settle();
  await note.confirmed;
  expect([calls, server.get('todos', 'note')]).toMatchObject([['photo'], { title: 'see photo' }]);
});
