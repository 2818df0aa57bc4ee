import { expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import type { WireOp } from '../../src/testing/scriptedServer.js';
import { createDevice, deaf, todos } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

const add = defineMutation({
  name: 'add',
  onRejected: 'hold',
  optimistic: (tx, row: { id: string; title: string }) => tx.insert(todos, row),
});
const finish = defineMutation({
  name: 'finish',
  optimistic: (tx, id: string) => tx.update(todos, id, { done: true }),
});

// An ordered batch carries what builds on an insert together with it; the server answers 424 where that was refused.
async function start() {
  const device = createDevice();
  device.server.refuse((op: WireOp) => op.kind === 'insert' && op.data['title'] === 'bad' && 422);
  const line = logged(device.server);
  const client = device.open({ transport: line, mutations: [add, finish] });
  await device.settle();
  client.pause();
  const keys = () => line.requests.map((ops) => ops.map((op) => op.split(' ')[0]).join(' '));
  return { ...device, client, keys, settlings: settlingsOf(client) };
}

test('SC4 what travelled with a refused insert names it as its cause, and comes back with it', async () => {
  const { client, settle, settlings, keys, server } = await start();
  const { token } = client.insert(todos, { id: 'a', title: 'bad' }, { scope: 'x' });
  client.mutate(finish, 'a');
  client.insert(todos, { id: 'b', title: 'b' }, { dependsOn: [token] });
  client.resume();
  await settle();
  expect(settlings).toEqual(['rejected t1 REFUSED', 'rejected t3 DEPENDENCY', 'rejected t2 DEPENDENCY']);
  expect(client.deadLetters().map(({ causedBy }) => causedBy)).toEqual([undefined, 't1', 't1']);
  client.retry(token, { id: 'a', title: 'good' });
  await settle();
  expect(keys()).toEqual(['t1.0 t2.0 t3.0', 't1.1 t2.1 t3.1']);
  expect([client.deadLetters(), client.query(todos)]).toEqual([[], [...server.rows('todos').values()]]);
  expect(server.get('todos', 'a')).toEqual({ id: 'a', title: 'good', done: true });
});

test('SC4 CO6 a merge that travelled with a refused insert is refused with it, and not sent in pieces', async () => {
  const { client, settle, settlings, keys } = await start();
  client.insert(todos, { id: 'a', title: 'bad' }, { scope: 'x' });
  client.update(todos, 'a', { n: 1 });
  client.update(todos, 'a', { n: 2 });
  client.resume();
  await settle();
  expect(keys()).toEqual(['t1.0 t4.0']);
  expect(settlings).toEqual(['rejected t1 REFUSED', 'rejected t2 DEPENDENCY', 'rejected t3 DEPENDENCY']);
  expect(client.deadLetters().map(({ causedBy }) => causedBy)).toEqual([undefined, 't1', 't1']);
});

test('RT7 what travelled with one that is held waits with it, and goes after its repair under another key', async () => {
  const { client, settle, settlings, keys, server } = await start();
  client.mutate(add, { id: 'a', title: 'bad' });
  client.mutate(finish, 'a');
  client.update(todos, 'a', { n: 1 });
  client.update(todos, 'a', { n: 2 });
  client.resume();
  await settle();
  expect(settlings).toEqual(['needsAttention t1 REFUSED']);
  expect(client.get(todos, 'a')).toEqual({ id: 'a', title: 'bad', done: true, n: 2 });
  expect(client.pending().map(({ token, state }) => `${token} ${state}`)).toEqual([
    't1 needsAttention',
    't2 queued',
    't3 queued',
    't4 queued',
  ]);
  client.retry('t1', { id: 'a', title: 'good' });
  await settle();
  expect(settlings.slice(1)).toEqual(['confirmed t1', 'confirmed t2', 'confirmed t3', 'confirmed t4']);
  expect(server.get('todos', 'a')).toEqual({ id: 'a', title: 'good', done: true, n: 2 });
  expect(new Set(keys().flatMap((line) => line.split(' '))).size).toBe(
    keys().flatMap((l) => l.split(' ')).length,
  );
});

test('RT6 SC4 what travelled with one that was given up is refused for it by name, and comes back with it', async () => {
  const device = createDevice();
  const busy = device.server.refuse((op: WireOp) => op.kind === 'insert' && op.id === 'a' && 500);
  const line = logged(device.server);
  const client = device.open({ transport: line, retry: { maxAttempts: 2 }, mutations: [finish] });
  await device.settle();
  client.pause();
  const { token } = client.insert(todos, { id: 'a', title: 'a' }, { scope: 'x' });
  client.mutate(finish, 'a');
  client.insert(todos, { id: 'b', title: 'b' }, { dependsOn: [token], scope: 'y' });
  client.resume();
  await device.clock.advance(60_000);
  busy();
  expect(client.deadLetters().map(({ error, causedBy }) => `${error.code} ${causedBy}`)).toEqual([
    'GIVEN_UP undefined',
    'DEPENDENCY t1',
    'DEPENDENCY t1',
  ]);
  client.retry(token);
  await device.clock.advance(60_000);
  expect([client.deadLetters(), client.query(todos)]).toEqual([
    [],
    [...device.server.rows('todos').values()],
  ]);
  expect(client.get(todos, 'a')).toEqual({ id: 'a', title: 'a', done: true });
});

test('TB3 SC4 an update from a tab that has not heard of the refused insert is not sent, and names it', async () => {
  const { client, open, settle, keys, server } = await start();
  const other = open({ transport: server, mutations: [finish], tabs: deaf });
  await settle();
  other.insert(todos, { id: 'a', title: 'bad' });
  await settle();
  client.resume();
  await client.sync();
  other.update(todos, 'a', { done: true });
  await settle();
  await client.sync();
  await settle();
  expect(keys()[0]).toBe('t1.0');
  expect(keys().join(' ')).not.toContain('t2');
  expect(client.deadLetters().map(({ token, causedBy }) => `${token} ${causedBy}`)).toEqual([
    't1 undefined',
    't2 t1',
  ]);
  expect(client.pending()).toEqual([]);
});
