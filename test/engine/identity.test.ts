import { describe, expect, test } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import { defineMutation } from '../../src/domain/definition.js';
import type { SyncClient } from '../../src/engine/client.js';
import { createDevice, everybody, heldTransport, outcomeOf, type DeviceOptions } from './testClient.js';
import { lineOf, settlingsOf } from './wireLog.js';

interface Order {
  readonly id: string;
  readonly title: string;
  readonly n?: number;
}
interface Item {
  readonly id: string;
  readonly orderId: string;
}
const orders = defineCollection<Order>({ name: 'orders', key: 'id', serverIds: true });
const items = defineCollection<Item>({ name: 'items', key: 'id', references: { orderId: 'orders' } });
const bump = defineMutation({
  name: 'bump',
  optimistic: (tx, { ids }: { ids: readonly string[] }) => {
    for (const id of ids) tx.update(orders, id, (draft) => void (draft.n = (draft.n ?? 0) + 1));
  },
});
const order = (id: string, title = id): Order => ({ id, title });

/** A client of a server that names orders n1, n2, …; its pushes are held by the test. */
async function start(of: DeviceOptions = {}) {
  let count = 0;
  const device = createDevice({
    assignId: (collection) => (collection === 'orders' ? `n${++count}` : undefined),
    ...of,
  });
  const sent: string[] = [];
  const connect = () => {
    const held = heldTransport(device.server, device.clock);
    return {
      ...held,
      pull: device.server.pull.bind(device.server),
      push: (...args: Parameters<typeof held.push>) => {
        for (const { body } of args[0]) sent.push(lineOf(body));
        return held.push(...args);
      },
    };
  };
  const line = connect();
  const own = { collections: [orders, items], mutations: [bump], timeoutMs: 1e9 };
  const client = device.open({ ...own, transport: line });
  await device.settle();
  return { ...device, client, line, own, connect, sent, settlings: settlingsOf(client) };
}

/** What each notification shows: the orders, by title, as `title@id`. */
function framesOf(client: SyncClient): string[] {
  const frames: string[] = [];
  const frame = (): void => {
    const shown = client.query(orders).map(({ id, title, n = '' }) => `${title}${n}@${id}`);
    const line = shown.sort().join(' ');
    if (frames.at(-1) !== line) frames.push(line);
  };
  client.store.subscribe(frame);
  for (const collection of [orders, items]) client.subscribe(collection, undefined, frame);
  return frames;
}

describe('ID1 the server gives its own id', () => {
  test('what was queued under the old id goes under the new one, and no row is ever shown twice', async () => {
    const { client, line, settle, sent, server } = await start();
    const frames = framesOf(client);
    client.insert(orders, order('tmp', 'tea'));
    await settle();
    client.update(orders, 'tmp', { title: 'oat' });
    client.insert(items, { id: 'i', orderId: 'tmp' });
    client.mutate(bump, { ids: ['tmp'] });
    await settle();
    expect(line.pushes).toHaveLength(1); // they need its answer
    for (let i = 0; i < 3; i++) await line.pushes[i]?.pass();
    expect(sent).toEqual([
      't1.0 insert tmp {"id":"tmp","title":"tea"}',
      't2.1 update n1 {"title":"oat"}',
      't3.1 insert i {"id":"i","orderId":"n1"}',
      't4.1 update n1 {"n":1}',
    ]);
    expect(frames).toEqual(['tea@tmp', 'oat@tmp', 'oat1@tmp', 'oat1@n1']);
    expect([client.query(orders), client.query(items)]).toEqual([
      [{ id: 'n1', title: 'oat', n: 1 }],
      [{ id: 'i', orderId: 'n1' }],
    ]);
    expect([...server.rows('orders').values(), ...server.rows('items').values()]).toEqual([
      ...client.query(orders),
      ...client.query(items),
    ]);
  });

  test('the old id goes on working: get, update, delete, references, variables, status, keyOf', async () => {
    const { client, line, settle, sent } = await start();
    client.insert(orders, order('tmp', 'tea'));
    await settle();
    const before = client.keyOf(orders, order('tmp'));
    await line.pushes[0]?.pass();
    expect([client.get(orders, 'tmp'), client.get(orders, 'n1')]).toEqual([
      order('n1', 'tea'),
      order('n1', 'tea'),
    ]);
    expect([client.keyOf(orders, order('n1')), client.keyOf(orders, order('tmp'))]).toEqual([before, before]);
    client.update(orders, 'tmp', { title: 'oat' });
    client.insert(items, { id: 'i', orderId: 'tmp' });
    client.mutate(bump, { ids: ['tmp'] });
    expect([client.entityStatus(orders, 'tmp'), client.entityStatus(orders, 'n1')]).toEqual([
      'pending',
      'pending',
    ]);
    expect(client.get(items, 'i')).toEqual({ id: 'i', orderId: 'n1' });
    expect(client.pending({ name: 'bump' })).toMatchObject([{ variables: { ids: ['n1'] } }]);
    client.delete(orders, 'tmp');
    await settle();
    for (let i = 1; i < 4; i++) await line.pushes[i]?.pass();
    expect(sent.slice(1)).toEqual([
      't2.0 update n1 {"title":"oat"}',
      't3.0 insert i {"id":"i","orderId":"n1"}',
      't4.0 update n1 {"n":1}',
      't5.0 delete n1',
    ]);
    expect(client.get(orders, 'tmp')).toBeUndefined();
  });

  test('who subscribed to the old id hears of the new row', async () => {
    const { client, line, settle, server } = await start();
    client.insert(orders, order('tmp', 'tea'));
    await settle();
    const heard: (string | undefined)[] = [];
    client.subscribe(orders, 'tmp', () => heard.push(client.get(orders, 'tmp')?.title));
    await line.pushes[0]?.pass();
    client.update(orders, 'n1', { title: 'oat' });
    server.put('orders', 'n1', { ...order('n1', 'rye') });
    await settle();
    await line.pushes[1]?.pass();
    server.put('orders', 'n1', { ...order('n1', 'soy') });
    await client.sync({ direction: 'pull' });
    expect(heard.at(-1)).toBe('soy');
    expect(heard).toContain('oat');
  });

  test('one that is inserted and deleted before it is sent never needs a name; one deleted later goes by its name', async () => {
    const { client, line, settle, sent, server } = await start();
    client.pause();
    client.insert(orders, order('x'));
    client.delete(orders, 'x');
    client.insert(orders, order('y'));
    client.resume();
    await settle();
    client.delete(orders, 'y');
    await settle();
    await line.pushes[0]?.pass();
    await line.pushes[1]?.pass();
    expect(sent).toEqual(['t3.0 insert y {"id":"y","title":"y"}', 't4.1 delete n1']);
    expect([server.rows('orders').size, client.query(orders)]).toEqual([0, []]);
  });

  test('all of it after a reload in between', async () => {
    const { client, line, settle, sent, open, own, connect, server } = await start();
    client.insert(orders, order('tmp', 'tea'));
    client.insert(orders, order('gone'));
    await settle();
    client.update(orders, 'tmp', { title: 'oat' });
    client.delete(orders, 'gone');
    client.insert(items, { id: 'i', orderId: 'tmp' });
    client.mutate(bump, { ids: ['tmp'] });
    await settle();
    await client.dispose();
    const again = connect();
    const second = open({ ...own, transport: again });
    const frames = framesOf(second);
    await settle();
    expect(again.pushes[0]?.bodies).toEqual(line.pushes[0]?.bodies);
    await again.pushes[0]?.pass();
    await second.dispose(); // the names are known, and not all is sent
    const last = connect();
    const third = open({ ...own, transport: last });
    await settle();
    expect(third.keyOf(orders, order('n1'))).toBe('tmp');
    expect(third.get(orders, 'tmp')).toEqual({ id: 'n1', title: 'oat', n: 1 });
    for (let i = 0; i < 3; i++) await last.pushes[i]?.pass();
    expect(new Set(sent.slice(4).filter((op) => / (gone|tmp) |"tmp"/.test(op)))).toEqual(new Set());
    expect([third.pending(), third.deadLetters()]).toEqual([[], []]);
    expect([third.query(orders), third.query(items)]).toEqual([
      [...server.rows('orders').values()],
      [...server.rows('items').values()],
    ]);
    expect(server.get('orders', 'n1')).toEqual({ id: 'n1', title: 'oat', n: 1 });
    for (const frame of frames) expect(frame).not.toMatch(/@tmp.*@n1|@n1.*@tmp/);
  });

  test('RD4 the echo in the feed comes before the answer: the row is named by it, once', async () => {
    const { client, server, settle, open, own } = await start();
    await client.dispose();
    const answers: (() => void)[] = [];
    const slow = open({
      ...own,
      transport: {
        ...server,
        async push(ops, context) {
          const replies = await server.push(ops, context);
          await new Promise<void>((resolve) => answers.push(resolve));
          return replies;
        },
      },
    });
    await settle();
    const frames = framesOf(slow);
    const outcome = outcomeOf(slow.insert(orders, order('tmp', 'tea')).confirmed);
    slow.update(orders, 'tmp', { title: 'oat' }, { sendAfter: 1 });
    await settle();
    await slow.sync({ direction: 'pull' });
    expect([outcome.now, slow.get(orders, 'tmp'), slow.keyOf(orders, order('n1'))]).toEqual([
      'resolved',
      order('n1', 'oat'),
      'tmp',
    ]);
    answers[0]?.();
    await settle();
    expect(frames).toEqual(['tea@tmp', 'oat@tmp', 'oat@n1']);
    expect(slow.query(orders)).toEqual([order('n1', 'oat')]);
  });

  test('a merge of an insert and its edits is named as one', async () => {
    const { client, line, settle, sent } = await start();
    const frames = framesOf(client);
    client.pause();
    client.insert(orders, order('tmp', 'tea'));
    client.update(orders, 'tmp', { title: 'oat' });
    client.resume();
    await settle();
    client.update(orders, 'tmp', { n: 3 });
    await settle();
    await line.pushes[0]?.pass();
    await line.pushes[1]?.pass();
    expect(sent).toEqual(['t3.0 insert tmp {"id":"tmp","title":"oat"}', 't4.1 update n1 {"n":3}']);
    expect(frames.at(-1)).toBe('oat3@n1');
    expect(client.query(orders)).toHaveLength(1);
  });

  test('ids of a function of its own are read from what it resolved to', async () => {
    const { settle, open, own, client } = await start();
    await client.dispose();
    const calls: unknown[] = [];
    const add = defineMutation({
      name: 'add',
      optimistic: (tx, row: Order) => tx.insert(orders, row),
      mutationFn: () => Promise.resolve({ key: 42 }),
      assignedIds: ({ key }: { key: number }, { id }) => [
        { collection: 'orders', from: id, to: String(key) },
      ],
    });
    const edit = defineMutation({
      name: 'edit',
      optimistic: (tx, { id, title }: Order) => tx.update(orders, id, { title }),
      mutationFn: (variables, { changes }) => {
        calls.push(variables, changes[0]?.id);
        return Promise.resolve();
      },
    });
    const next = open({ ...own, mutations: [add, edit] });
    await settle();
    next.mutate(add, order('tmp'));
    next.mutate(edit, order('tmp', 'oat'));
    await settle();
    expect(calls).toEqual([order('42', 'oat'), '42']);
    expect(next.query(orders)).toEqual([order('42', 'oat')]);
  });

  test('a refused insert names nothing, and what referred to it is refused with it', async () => {
    const { client, line, settle, server, settlings } = await start();
    server.refuse((op) => op.kind === 'insert' && op.type === 'orders' && 422);
    client.insert(orders, order('tmp'));
    await settle();
    client.insert(items, { id: 'i', orderId: 'tmp' });
    await settle();
    await line.pushes[0]?.pass();
    expect(settlings).toEqual(['rejected t1 REFUSED', 'rejected t2 DEPENDENCY']);
    expect(client.query(orders)).toEqual([]);
  });
});

describe('ID1 in the other tabs', () => {
  test.each([
    ['that does not drain', {}],
    ['of two that drain', { lease: everybody }],
  ])('a tab %s knows the new name: its view, queued mutations and promises', async (_name, of) => {
    const { client, line, settle, open, own, connect, server, clock } = await start(of);
    const line2 = connect();
    const other = open({ ...own, transport: line2 });
    await settle();
    client.insert(orders, order('tmp', 'tea'));
    await settle();
    const frames = framesOf(other);
    const edited = outcomeOf(other.update(orders, 'tmp', { title: 'oat' }).confirmed);
    const bumped = outcomeOf(other.mutate(bump, { ids: ['tmp'] }).confirmed);
    await settle();
    for (let round = 0; round < 5; round++) {
      for (const push of [...line.pushes, ...line2.pushes]) await push.pass();
      await clock.advance(10);
    }
    expect([edited.now, bumped.now]).toEqual(['resolved', 'resolved']);
    expect(server.get('orders', 'n1')).toEqual({ id: 'n1', title: 'oat', n: 1 });
    for (const tab of [client, other])
      expect([tab.query(orders), tab.get(orders, 'tmp'), tab.pending()]).toEqual([
        [server.get('orders', 'n1')],
        server.get('orders', 'n1'),
        [],
      ]);
    expect(other.keyOf(orders, order('n1'))).toBe('tmp');
    for (const frame of frames) expect(frame).not.toMatch(/@tmp.*@n1|@n1.*@tmp/);
  });
});
