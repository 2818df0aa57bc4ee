import { describe, expect, test } from 'vitest';
import { defineMutation, type AnyDefinition } from '../../src/domain/definition.js';
import { createDevice, heldTransport, todos, type Device } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

const milk = { id: 'a', title: 'milk', n: 1 };

async function start(mutations: readonly AnyDefinition[] = []) {
  const device = createDevice();
  device.server.put('todos', 'a', milk);
  const line = logged(device.server);
  const client = device.open({ transport: line, mutations });
  await device.settle();
  return { ...device, client, requests: line.requests, settlings: settlingsOf(client) };
}

/** Somebody else writes the row, and this client reads it. */
async function elsewhere(
  { server, client }: Pick<Device, 'server'> & { client: { sync(): Promise<unknown> } },
  row: object | undefined,
): Promise<void> {
  server.put('todos', 'a', row as never);
  await client.sync();
}

describe('MU4 undo', () => {
  test('of an unsent mutation is a rollback: cancelled, nothing is sent', async () => {
    const { client, requests, settle, settlings } = await start();
    client.pause();
    const { token } = client.update(todos, 'a', { title: 'oat' });
    expect(await client.undo(token)).toBe('cancelled');
    client.resume();
    await settle();
    expect([requests, settlings, client.get(todos, 'a')]).toEqual([[], ['cancelled t1'], milk]);
  });

  test('of a sealed one sends the inverse behind it', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', milk);
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: { ...line, pull: device.server.pull.bind(device.server) } });
    await device.settle();
    const { token } = client.update(todos, 'a', { title: 'oat' });
    await device.settle();
    expect(await client.undo(token)).toBe('queued');
    expect(client.get(todos, 'a')).toEqual(milk);
    await line.pushes[0]?.pass();
    await line.pushes[1]?.pass();
    expect([device.server.journal.map(({ key }) => key), device.server.get('todos', 'a')]).toEqual([
      ['t1.0', 't2.0'],
      milk,
    ]);
  });

  test('of a merged one that is under way takes back its own part only', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', milk);
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: { ...line, pull: device.server.pull.bind(device.server) } });
    await device.settle();
    client.pause();
    const { token } = client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'a', { done: true });
    client.resume();
    await device.settle();
    expect(await client.undo(token)).toBe('queued');
    await line.pushes[0]?.pass();
    await line.pushes[1]?.pass();
    expect(device.server.get('todos', 'a')).toEqual({ ...milk, done: true });
  });

  test('of a confirmed update touches only the fields that nobody has changed since', async () => {
    const started = await start();
    const { client, requests, settle, server } = started;
    const { token } = client.update(todos, 'a', { title: 'oat', n: 2, done: true });
    await settle();
    await elsewhere(started, { ...milk, title: 'theirs', n: 2, done: true });
    expect(await client.undo(token)).toBe('queued');
    await settle();
    expect(requests.at(-1)).toEqual(['t2.0 update a {"n":1} -done']);
    expect(server.get('todos', 'a')).toEqual({ ...milk, title: 'theirs' });
  });

  test('of a confirmed update that everybody has overwritten: there is nothing to take back', async () => {
    const started = await start();
    const { client, requests, settle } = started;
    const { token } = client.update(todos, 'a', { title: 'oat' });
    await settle();
    await elsewhere(started, { ...milk, title: 'theirs' });
    expect([await client.undo(token), requests.length]).toEqual(['settled', 1]);
  });

  test('of a confirmed insert deletes the row, unless it was edited since', async () => {
    const { client, requests, settle, server } = await start();
    const { token } = client.insert(todos, { id: 'b', title: 'tea' });
    const other = client.insert(todos, { id: 'c', title: 'rye' });
    await settle();
    client.update(todos, 'c', { title: 'oat' });
    expect([await client.undo(token), await client.undo(other.token)]).toEqual(['queued', 'settled']);
    await settle();
    expect(requests.flat().at(-1)).toBe('t4.0 delete b');
    expect([...server.rows('todos').keys()]).toEqual(['a', 'c']);
  });

  test('of a confirmed delete brings the row back as it was, unless there is another', async () => {
    const started = await start();
    const { client, settle, server } = started;
    const { token } = client.delete(todos, 'a');
    await settle();
    expect(await client.undo(token)).toBe('queued');
    await settle();
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([milk, milk]);
    const again = client.delete(todos, 'a');
    await settle();
    await elsewhere(started, { id: 'a', title: 'another' });
    expect(await client.undo(again.token)).toBe('settled');
  });

  test('of several changes undoes each, last first, as one', async () => {
    const move = defineMutation({
      name: 'move',
      optimistic(tx, title: string) {
        tx.update(todos, 'a', { title });
        tx.insert(todos, { id: 'b', title });
      },
    });
    const { client, requests, settle } = await start([move]);
    const { token } = client.mutate(move, 'oat');
    await settle();
    expect(await client.undo(token)).toBe('queued');
    await settle();
    expect(requests.at(-1)).toEqual(['t2.0 delete b + update a {"title":"milk"}']);
  });

  test('of an undo does it again', async () => {
    const { client, settle, server } = await start();
    const { token } = client.update(todos, 'a', { title: 'oat' });
    await settle();
    await client.undo(token);
    await settle();
    expect(await client.undo('t2')).toBe('queued');
    await settle();
    expect(server.get('todos', 'a')).toEqual({ ...milk, title: 'oat' });
  });

  test('of a refused one has nothing to do', async () => {
    const { client, server, settle, requests } = await start();
    server.refuse(() => 422);
    const { token } = client.update(todos, 'a', { title: 'oat' });
    await settle();
    expect([await client.undo(token), requests.length]).toEqual(['settled', 1]);
  });

  test('of one that nobody remembers says so', async () => {
    const { client, open, settle } = await start();
    const { token } = client.update(todos, 'a', { title: 'oat' });
    await settle();
    await client.dispose();
    const next = open();
    await settle();
    await expect(next.undo(token)).rejects.toMatchObject({ code: 'NOT_UNDOABLE', details: { token } });
  });
});

describe('MU4 undo of what goes by a function of its own, or as a command', () => {
  const define = (inverse?: (v: { id: string; by: number }) => { id: string; by: number }) =>
    defineMutation({
      name: 'add',
      optimistic: (tx, { id, by }: { id: string; by: number }) =>
        tx.update(todos, id, (draft) => void (draft.n = (draft.n ?? 0) + by)),
      mutationFn: ({ by }) => Promise.resolve(by),
      ...(inverse && { inverse }),
    });

  test('without an inverse: NOT_UNDOABLE, and nothing is done', async () => {
    const add = define();
    const { client, settle } = await start([add]);
    const { token } = client.mutate(add, { id: 'a', by: 5 });
    await settle();
    await expect(client.undo(token)).rejects.toMatchObject({ code: 'NOT_UNDOABLE', details: { token } });
    expect([client.get(todos, 'a')?.n, client.pending()]).toEqual([6, []]);
  });

  test('unsent: a rollback all the same', async () => {
    const add = define();
    const { client } = await start([add]);
    client.pause();
    expect(await client.undo(client.mutate(add, { id: 'a', by: 5 }).token)).toBe('cancelled');
  });

  test('with an inverse: the mutation it names, with those variables', async () => {
    const add = define(({ id, by }) => ({ id, by: -by }));
    const { client, settle } = await start([add]);
    const results: unknown[] = [];
    client.on('mutation.confirmed', ({ token, result }) => results.push([token, result]));
    const { token } = client.mutate(add, { id: 'a', by: 5 });
    await settle();
    expect(await client.undo(token)).toBe('queued');
    await settle();
    expect(results).toEqual([
      ['t1', 5],
      ['t2', -5],
    ]);
    expect(client.get(todos, 'a')).toEqual(milk);
  });

  test('an inverse that throws: its error, and nothing is done', async () => {
    const add = define(() => {
      throw new RangeError('no way back');
    });
    const { client, settle } = await start([add]);
    const { token } = client.mutate(add, { id: 'a', by: 5 });
    await settle();
    await expect(client.undo(token)).rejects.toThrow('no way back');
    expect(client.pending()).toEqual([]);
  });
});
