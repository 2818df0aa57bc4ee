import { describe, expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import { AGING_MS } from '../../src/domain/lanes.js';
import { PRIORITIES, type Priority } from '../../src/domain/mutation.js';
import { createDevice, heldTransport, todos } from './testClient.js';
import { logged } from './wireLog.js';

const finish = defineMutation({
  name: 'finish',
  optimistic: (tx, id: string) => tx.update(todos, id, { done: true }),
});
const todo = (id: string) => ({ id, title: id });

/** A client that sends one op per request, and none before `client.resume()`. */
async function start() {
  const device = createDevice({ limits: { maxBatch: 1 } });
  const line = logged(device.server);
  const urgent = defineMutation({
    name: 'urgent',
    priority: 'critical',
    optimistic: (tx, id: string) => tx.insert(todos, todo(id)),
  });
  const client = device.open({ transport: line, mutations: [finish, urgent] });
  await device.settle();
  client.pause();
  const order = () => line.requests.map(([line = '']) => line.split('.')[0]);
  return { ...device, client, urgent, order };
}

describe('MU6 priorities', () => {
  test('from critical to background, whatever the order of the calls; by age among equals', async () => {
    const { client, order, settle } = await start();
    const reversed = [...PRIORITIES].reverse();
    [...reversed, ...reversed].forEach((priority, i) => client.insert(todos, todo(`x${i}`), { priority }));
    client.resume();
    await settle();
    expect(order()).toEqual(['t5', 't10', 't4', 't9', 't3', 't8', 't2', 't7', 't1', 't6']);
  });

  test("a definition's priority is the default of its mutations, and a call may say otherwise", async () => {
    const { client, urgent, order, settle } = await start();
    client.insert(todos, todo('a'));
    client.mutate(urgent, 'b', { priority: 'low' });
    client.mutate(urgent, 'c');
    expect(client.pending().map(({ priority }) => priority)).toEqual(['normal', 'low', 'critical']);
    client.resume();
    await settle();
    expect(order()).toEqual(['t3', 't1', 't2']);
  });

  test('they are kept through a reload', async () => {
    const { client, order, settle, open, server, clock } = await start();
    client.insert(todos, todo('a'), { priority: 'background' });
    client.insert(todos, todo('b'), { priority: 'high' });
    await settle();
    await client.dispose();
    const line = heldTransport(server, clock);
    const next = open({ transport: { ...line, limits: { ...line.limits, maxBatch: 1 } } });
    await settle();
    expect([order(), line.pushes[0]?.tokens, next.pending().length]).toEqual([[], ['t2'], 2]);
  });
});

describe('SC2 what something urgent waits for is urgent, too', () => {
  test('a lane mate', async () => {
    const { client, order, settle } = await start();
    client.insert(todos, todo('a'), { priority: 'background' });
    client.insert(todos, todo('b'));
    client.mutate(finish, 'a', { priority: 'critical' });
    client.resume();
    await settle();
    expect(order()).toEqual(['t1', 't3', 't2']);
  });

  test('what it depends on', async () => {
    const { client, order, settle } = await start();
    const { token } = client.insert(todos, todo('a'), { priority: 'background' });
    client.insert(todos, todo('b'));
    client.insert(todos, todo('c'), { priority: 'critical', dependsOn: [token] });
    client.resume();
    await settle();
    expect(order()).toEqual(['t1', 't3', 't2']);
  });

  test('along lanes, dependencies and scopes together', async () => {
    const { client, order, settle } = await start();
    client.insert(todos, todo('a'), { priority: 'low', scope: 'import' }); // t1
    client.insert(todos, todo('b'), { priority: 'low', scope: 'import' }); // t2, after t1
    const { token } = client.mutate(finish, 'b', { priority: 'low' }); // t3, after t2
    client.insert(todos, todo('x')); // t4, in nobody's way
    client.insert(todos, todo('c'), { priority: 'high', dependsOn: [token] }); // t5, after t3
    client.resume();
    await settle();
    expect(order()).toEqual(['t1', 't2', 't3', 't5', 't4']);
  });

  test('nothing else is lifted', async () => {
    const { client, order, settle } = await start();
    client.insert(todos, todo('a'));
    client.mutate(finish, 'a', { priority: 'low' });
    client.insert(todos, todo('b'), { priority: 'low' });
    client.insert(todos, todo('c'), { priority: 'critical' });
    client.resume();
    await settle();
    expect(order()).toEqual(['t4', 't1', 't2', 't3']);
  });
});

describe('SC2 waiting raises a priority slowly', () => {
  // `background` is two steps behind `normal`.
  test.each<[string, number, Priority, string[]]>([
    ['just short of two steps: not yet', 2 * AGING_MS - 1, 'normal', ['t1', 't3', 't2']],
    ['two steps: the older one first', 2 * AGING_MS, 'normal', ['t1', 't2', 't3']],
    ['four steps: before a new critical one', 4 * AGING_MS, 'critical', ['t1', 't2', 't3']],
  ])('%s', async (_name, waited, priority, expected) => {
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const client = device.open({
      transport: { ...line, limits: { ...line.limits, maxBatch: 1 } },
      timeoutMs: 1e9,
    });
    await device.settle();
    client.insert(todos, todo('slow'));
    client.insert(todos, todo('import'), { priority: 'background' });
    await device.clock.advance(waited); // a line that is busy, not one that is gone
    client.insert(todos, todo('new'), { priority });
    await device.settle();
    for (let i = 0; i < 3; i++) await line.pushes[i]?.pass();
    expect(line.pushes.flatMap(({ tokens }) => tokens)).toEqual(expected);
  });
});
