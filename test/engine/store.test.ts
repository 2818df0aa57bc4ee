import { describe, expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import {
  createDevice,
  heldTransport,
  accepted,
  lists,
  outcomeOf,
  refused,
  thrownBy,
  todos,
  type Todo,
} from './testClient.js';

const plusOne = defineMutation({
  name: 'plusOne',
  optimistic: (tx, { id }: { id: string }) =>
    tx.update(todos, id, (draft) => {
      draft.n = (draft.n ?? 0) + 1;
    }),
});
const addTo = defineMutation({
  name: 'addTo',
  optimistic: (tx, todo: Todo) => {
    tx.insert(todos, todo);
    tx.update(lists, 'inbox', (draft) => {
      draft.count++;
    });
  },
});

/** A client on whose pushes the test decides, one of each lane at a time; the rows `a` and `inbox` are confirmed. */
async function start() {
  const device = createDevice();
  device.server.put('todos', 'a', { id: 'a', title: 'milk', n: 0 });
  device.server.put('lists', 'inbox', { id: 'inbox', count: 1 });
  const held = heldTransport(device.server, device.clock);
  const transport = { ...held, ordered: false, pull: device.server.pull.bind(device.server) };
  const client = device.open({ transport, mutations: [plusOne, addTo], timeoutMs: 1e9 });
  await device.settle();
  return { ...device, client, pushes: held.pushes, a: () => client.get(todos, 'a') };
}

describe('ST1 readable in the same tick, before any promise or I/O', () => {
  test('by every way of reading', async () => {
    const { client, a } = await start();
    client.update(todos, 'a', { title: 'oat' });
    expect(a()?.title).toBe('oat');
    expect(client.query(todos, { where: { title: 'oat' } })).toHaveLength(1);
    expect(client.store.getState().collections['todos']?.get('a')).toMatchObject({ title: 'oat' });
  });

  test('also before the storage was read', () => {
    const client = createDevice().open();
    client.insert(todos, { id: 'b', title: 'early' });
    expect(client.get(todos, 'b')?.title).toBe('early');
  });
});

describe('ST2 refusing one removes exactly that one', () => {
  test('A{title}, B{done}: A is refused, B stays', async () => {
    const { client, pushes, a, settle } = await start();
    client.update(todos, 'a', { title: 'A' });
    const b = client.update(todos, 'a', { done: true });
    await settle();
    await pushes[0]?.answer(refused); // both as one (CO2), then each by itself (CO6)
    await pushes[1]?.answer(refused);
    expect(a()).toEqual({ id: 'a', title: 'milk', n: 0, done: true });
    expect(client.pending().map(({ token }) => token)).toEqual([b.token]);
  });

  test('the same field twice: A is refused, B shows; then B, and the base shows, never A', async () => {
    const { client, pushes, a, settle } = await start();
    const seen: (string | undefined)[] = [];
    client.subscribe(todos, 'a', () => seen.push(a()?.title));
    client.update(todos, 'a', { title: 'A' });
    client.update(todos, 'a', { title: 'B' });
    await settle();
    await pushes[0]?.answer(refused); // both as one (CO2), then each by itself (CO6)
    await pushes[1]?.answer(refused);
    await pushes[2]?.answer(refused);
    expect(seen).toEqual(['A', 'B', 'milk']);
  });

  test('server rows enter below what is pending', async () => {
    const { client, server, a, settle, clock } = await start();
    client.update(todos, 'a', { title: 'mine' });
    server.put('todos', 'a', { id: 'a', title: 'theirs', n: 7 });
    await clock.advance(30_000);
    await settle();
    expect(a()).toEqual({ id: 'a', title: 'mine', n: 7 });
  });
});

describe('ST3 named mutations are re-run', () => {
  test('n + 1 twice, the first refused: 1', async () => {
    const { client, pushes, a, settle } = await start();
    client.mutate(plusOne, { id: 'a' });
    client.mutate(plusOne, { id: 'a' });
    expect(a()?.n).toBe(2);
    await settle();
    await pushes[0]?.answer(refused);
    expect(a()?.n).toBe(1);
    await pushes[1]?.pass();
    expect(a()?.n).toBe(1);
  });

  test('n + 1 on a base that moved counts from there, and that is what is sent', async () => {
    const { client, server, pushes, a, clock } = await start();
    client.pause();
    client.mutate(plusOne, { id: 'a' });
    server.put('todos', 'a', { id: 'a', title: 'milk', n: 10 });
    client.resume();
    await clock.advance(0);
    expect(a()?.n).toBe(11);
    await clock.advance(30_000);
    expect(pushes.flatMap((push) => push.bodies)).toHaveLength(1);
  });

  test('a recipe is recorded as the fields it set: the same before and after a reload', async () => {
    const { client, server, open, a, clock, settle } = await start();
    client.pause();
    client.update(todos, 'a', (draft) => {
      draft.n = (draft.n ?? 0) + 1;
    });
    server.put('todos', 'a', { id: 'a', title: 'milk', n: 10 });
    await clock.advance(60_000);
    await client.dispose();
    const after = open({ transport: { ...server, push: () => new Promise(() => undefined) } });
    await settle();
    expect([a()?.n, after.get(todos, 'a')?.n]).toEqual([1, 1]);
  });

  test('a mutation that has no effect on the new base keeps quiet, and comes back when it has one again', async () => {
    const { client, server, a, clock } = await start();
    client.mutate(plusOne, { id: 'a' });
    server.put('todos', 'a', undefined);
    await clock.advance(30_000);
    expect(a()).toBeUndefined();
    server.put('todos', 'a', { id: 'a', title: 'back', n: 5 });
    await clock.advance(30_000);
    expect(a()).toEqual({ id: 'a', title: 'back', n: 6 });
  });
});

describe('ST4 a recipe is synchronous and atomic', () => {
  test.each<[string, (draft: Todo) => unknown, string]>([
    [
      'throws',
      (draft) => {
        draft.title = 'half';
        throw new Error('mine');
      },
      'Error: mine',
    ],
    [
      'returns a promise',
      async (draft) => void (draft.title = 'half'),
      'INVALID_RECIPE: a recipe returned a promise',
    ],
  ])('one that %s changes nothing, queues nothing, and tells the caller', async (_name, recipe, message) => {
    const { client, a, settle } = await start();
    expect(thrownBy(() => client.update(todos, 'a', recipe as () => void))).toContain(message);
    await settle();
    expect(a()?.title).toBe('milk');
    expect(client.pending()).toEqual([]);
  });

  test('one that changes nothing resolves at once and queues nothing', async () => {
    const { client, settle } = await start();
    const same = client.update(todos, 'a', { title: 'milk' });
    const outcomes = [same.enqueued, same.acknowledged, same.confirmed].map(outcomeOf);
    expect(client.pending()).toEqual([]);
    await settle();
    expect(outcomes.map(({ now }) => now)).toEqual(['resolved', 'resolved', 'resolved']);
  });
});

describe('ST5 one mutation may touch several entities and collections', () => {
  test('one notification, one op on the wire, one rollback', async () => {
    const { client, pushes, settle } = await start();
    const seen: string[] = [];
    client.store.subscribe(() =>
      seen.push(`${client.query(todos).length} todos, ${client.get(lists, 'inbox')?.count}`),
    );
    client.mutate(addTo, { id: 'b', title: 'new' });
    await settle();
    const op = JSON.parse(pushes[0]?.bodies[0] ?? '') as {
      kind: string;
      changes: { kind: string; type: string }[];
    };
    expect(op.kind).toBe('group');
    expect(op.changes.map(({ kind, type }) => `${kind} ${type}`)).toEqual(['insert todos', 'update lists']);
    await pushes[0]?.answer(refused);
    expect(seen).toEqual(['2 todos, 2', '1 todos, 1']);
  });

  test('confirmed in one notification too', async () => {
    const { client, pushes, settle } = await start();
    client.mutate(addTo, { id: 'b', title: 'new' });
    await settle();
    let changes = 0;
    client.store.subscribe(() => changes++);
    await pushes[0]?.pass();
    expect([client.get(lists, 'inbox')?.count, client.pending().length]).toEqual([2, 0]);
    expect(changes).toBeLessThanOrEqual(1);
  });
});

describe('ST6 only subscribers of changed entities are notified', () => {
  test('rows and collections that did not change keep quiet, and keep their identity', async () => {
    const { client, server, clock } = await start();
    client.insert(todos, { id: 'b', title: 'other' });
    const seen: string[] = [];
    client.subscribe(todos, 'a', () => seen.push('a'));
    client.subscribe(todos, 'b', () => seen.push('b'));
    client.subscribe(todos, undefined, () => seen.push('todos'));
    client.subscribe(lists, undefined, () => seen.push('lists'));
    const [b, inboxes] = [client.get(todos, 'b'), client.query(lists)];
    client.update(todos, 'a', { title: 'oat' });
    expect(seen).toEqual(['a', 'todos']);
    expect(client.get(todos, 'b')).toBe(b);
    expect(client.query(lists)).toBe(inboxes);
    server.put('lists', 'inbox', { id: 'inbox', count: 1 }); // a new version of the same content
    await clock.advance(30_000);
    expect(seen).toEqual(['a', 'todos']);
  });

  test('a confirmation that shows nothing new notifies nobody and keeps the row', async () => {
    const { client, pushes, a, settle } = await start();
    client.update(todos, 'a', { title: 'oat' });
    await settle();
    const [row, seen] = [a(), [] as string[]];
    client.subscribe(todos, 'a', () => seen.push('a'));
    await pushes[0]?.pass();
    expect(client.pending()).toEqual([]);
    expect(seen).toEqual([]);
    expect(a()).toBe(row);
  });

  test('a page of server rows is one notification', async () => {
    const { client, server, clock } = await start();
    let changes = 0;
    client.store.subscribe(() => changes++);
    for (let i = 0; i < 50; i++) server.put('todos', `r${i}`, { id: `r${i}`, title: 'x' });
    await clock.advance(30_000);
    expect(client.query(todos)).toHaveLength(51);
    expect(changes).toBe(1);
  });
});

test('ST7 settling one mutation does not re-run those pending on other entities', async () => {
  let runs = 0;
  const counted = defineMutation({
    name: 'counted',
    optimistic: (tx, { id }: { id: string }) => {
      runs++;
      tx.update(todos, id, { done: true });
    },
  });
  const device = createDevice();
  const held = heldTransport(device.server, device.clock);
  const client = device.open({ transport: held, mutations: [counted] });
  for (let i = 0; i < 100; i++) device.server.put('todos', `r${i}`, { id: `r${i}`, title: 'x' });
  for (let i = 0; i < 100; i++) client.insert(todos, { id: `r${i}`, title: 'x' });
  await device.settle();
  for (let i = 0; i < 100; i++) client.mutate(counted, { id: `r${i}` });
  runs = 0;
  client.update(todos, 'r0', { title: 'y' });
  expect(runs).toBe(0);
  await client.rollback(client.pending({ id: 'r0' }).at(-1)?.token ?? '');
  expect(runs).toBeLessThanOrEqual(2); // its own, whatever else is pending
});

test('ST8 a pending delete hides the row; refused, it comes back with all that changed meanwhile', async () => {
  const { client, server, pushes, a, clock, settle } = await start();
  client.delete(todos, 'a');
  expect(a()).toBeUndefined();
  expect(client.query(todos)).toEqual([]);
  await settle();
  server.put('todos', 'a', { id: 'a', title: 'theirs', n: 7 });
  await clock.advance(29_000);
  expect(a()).toBeUndefined();
  await clock.advance(1_000);
  expect(a()).toBeUndefined();
  await pushes[0]?.answer(refused);
  expect(a()).toEqual({ id: 'a', title: 'theirs', n: 7 });
});

test('RD2 an acceptance without rows covers its changes: the view never falls back', async () => {
  const { client, pushes, a, settle } = await start();
  const seen: (string | undefined)[] = [];
  client.subscribe(todos, 'a', () => seen.push(a()?.title));
  client.update(todos, 'a', { title: 'mine' });
  await settle();
  await pushes[0]?.answer(accepted);
  expect([a()?.title, client.pending().length]).toEqual(['mine', 0]);
  expect(seen).toEqual(['mine']);
});
