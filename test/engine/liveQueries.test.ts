import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import { predicate, type Query } from '../../src/domain/query.js';
import type { SyncClient } from '../../src/engine/client.js';
import {
  createDevice,
  heldTransport,
  refused,
  startClient,
  thrownBy,
  todos,
  type Todo,
} from './testClient.js';

const OPEN: Query<Todo> = { where: { done: false }, orderBy: 'n', limit: 2 };

/** A client with the rows `t0` … from the server; nothing is sent. */
async function start(rows: number, of: (n: number) => Partial<Todo> = () => ({})) {
  const device = await startClient({}, {});
  for (let n = 0; n < rows; n++)
    device.server.put('todos', `t${n}`, { id: `t${n}`, title: `Todo ${n}`, done: false, n, ...of(n) });
  await device.client.sync();
  device.client.pause();
  return device;
}

/** A client whose sends are answered by hand, in whatever order. */
async function heldDevice() {
  const device = createDevice();
  const held = heldTransport(device.server, device.clock);
  const client = device.open({
    transport: { ...held, ordered: false, pull: device.server.pull.bind(device.server) },
    timeoutMs: 1e9,
  });
  await device.settle();
  return { device, held, client };
}

const ids = (rows: readonly Todo[]): string => rows.map(({ id }) => id).join();

/** A condition that counts the rows it is asked about. */
function counted(condition: (row: Todo) => boolean = () => true) {
  const asked = { rows: 0 };
  const where = (row: Todo): boolean => {
    asked.rows++;
    return condition(row);
  };
  return { asked, where };
}

describe('ST9 a subscription to a query', () => {
  test('hears of its own rows, once for all that changed at once, and finds them changed', async () => {
    const { client, server } = await start(4);
    const heard: string[] = [];
    const stop = client.subscribe(todos, OPEN, () => heard.push(ids(client.query(todos, OPEN))));
    client.update(todos, 't3', { title: 'behind the window' });
    client.update(todos, 't0', { title: 'in it' });
    client.update(todos, 't0', { title: 'in it' });
    client.update(todos, 't1', { done: true });
    client.insert(todos, { id: 'x', title: 'first', done: false, n: -1 });
    expect(heard).toEqual(['t0,t1', 't0,t2', 'x,t0']);
    for (let n = 0; n < 4; n++)
      server.put('todos', `y${n}`, { id: `y${n}`, title: 'y', done: false, n: -9 + n });
    client.resume();
    await client.sync({ direction: 'pull' });
    expect(heard).toEqual(['t0,t1', 't0,t2', 'x,t0', 'y0,y1']);
    stop();
    stop();
    client.update(todos, 'y0', { done: true });
    expect(heard).toHaveLength(4);
    await client.dispose();
  });

  test('is one of many: each hears as long as it is there, and one that throws harms nobody', async () => {
    const { client } = await start(2);
    const heard: string[] = [];
    const failures: unknown[] = [];
    client.on('client.failure', ({ error }) => failures.push(error));
    const stopBad = client.subscribe(todos, OPEN, () => {
      throw new Error('listener');
    });
    const stopOne = client.subscribe(todos, { ...OPEN }, () => heard.push('one'));
    client.subscribe(todos, { ...OPEN }, () => heard.push('two'));
    client.update(todos, 't0', { title: 'a' });
    stopOne();
    stopOne();
    stopBad();
    client.update(todos, 't0', { title: 'b' });
    expect(heard).toEqual(['one', 'two', 'two']);
    expect(failures).toEqual([new Error('listener')]);
  });

  test('hears of what its own listener changes', async () => {
    const { client } = await start(3);
    const heard: string[] = [];
    client.subscribe(todos, OPEN, () => {
      const [first] = client.query(todos, OPEN);
      heard.push(ids(client.query(todos, OPEN)));
      if (first !== undefined) client.update(todos, first.id, { done: true });
    });
    client.update(todos, 't0', { title: 'go' });
    expect(heard).toEqual(['t0,t1', 't1,t2', 't2', '']);
  });

  test('what is no query is an error that says so', async () => {
    const { client } = await start(0);
    expect(thrownBy(() => client.subscribe(todos, null as never, () => undefined))).toBe(
      'INVALID_OPTIONS: A query is an object such as { where, orderBy, limit }, received null.',
    );
    expect(thrownBy(() => client.query(todos, { where: 'done' as never }))).toContain(
      'INVALID_OPTIONS: where is',
    );
    expect(thrownBy(() => client.subscribe(todos, { limit: -1 }, () => undefined))).toContain(
      'limit is a whole',
    );
    // Two of them were one query.
    expect(thrownBy(() => client.query(todos, { where: { title: new Map() as never } }))).toContain(
      'INVALID_OPTIONS: A query of data compares plain data',
    );
  });
});

test('ST9 a subscription made before the storage was read hears of what it holds', async () => {
  const device = await start(4);
  device.client.update(todos, 't1', { done: true });
  device.client.delete(todos, 't0');
  await device.settle();
  await device.client.dispose();
  const client = device.open();
  client.pause();
  const heard: string[] = [];
  expect(client.query(todos)).toEqual([]);
  client.insert(todos, { id: 'early', title: 'early', done: false, n: 9 });
  client.subscribe(todos, OPEN, () => heard.push(ids(client.query(todos, OPEN))));
  client.subscribe(todos, { where: { title: 'nothing' } }, () => heard.push('nothing'));
  await device.settle();
  expect(heard).toEqual(['t2,t3']);
  expect(ids(client.query(todos))).toBe('early,t1,t2,t3');
  await client.dispose();
});

describe('ST9 one changed row costs what changed', () => {
  test('a query is not asked about the rows that did not change', async () => {
    const { client } = await start(2_000);
    const { asked, where } = counted();
    const query = { where, orderBy: 'n', limit: 10 } as const;
    const stop = client.subscribe(todos, query, () => undefined);
    asked.rows = 0;
    for (let n = 0; n < 100; n++) client.update(todos, `t${n * 7}`, { title: 'x' });
    expect(client.query(todos, query)).toHaveLength(10);
    expect(asked.rows).toBe(100);
    stop();
    client.update(todos, 't1', { title: 'x' });
    expect(asked.rows, 'nobody listens').toBe(100);
    expect(client.query(todos, query)).toHaveLength(10);
    expect(asked.rows, 'it is still remembered').toBe(101);
  });

  test('of 1,000 queries for a value each, one hears of a row with that value', async () => {
    const { client } = await start(1_000, (n) => ({ title: `list ${n}` }));
    let told = 0;
    for (let n = 0; n < 1_000; n++)
      client.subscribe(todos, { where: { title: `list ${n}` }, orderBy: 'n' }, () => told++);
    client.update(todos, 't3', { done: true });
    expect(told).toBe(1);
    client.update(todos, 't3', { title: 'list 4' });
    expect(told).toBe(3);
  });

  test('a query that nobody reads any more is forgotten: it is made anew when it is read', async () => {
    const { client, server } = await start(10);
    const { asked, where } = counted();
    const query = { where };
    client.subscribe(todos, query, () => undefined)();
    client.resume();
    for (let n = 0; n < 1_001; n++) server.put('todos', `u${n}`, { id: `u${n}`, title: 'u' });
    asked.rows = 0;
    await client.sync({ direction: 'pull' });
    expect(asked.rows).toBe(0);
    expect(client.query(todos, query)).toHaveLength(1_011);
    expect(asked.rows).toBe(1_011);
    client.query(todos, query);
    expect(asked.rows, 'a function in place is asked about every row').toBe(2_022);
    await client.dispose();
  });
});

test('ST9 a where that throws fails whoever reads, not who mutates, and is asked again', async () => {
  const { client } = await start(3);
  let isBroken = false;
  const query: Query<Todo> = {
    where: ({ title }) => {
      if (isBroken) throw new Error('broken');
      return title !== 'gone';
    },
  };
  let heard = 0;
  client.subscribe(todos, query, () => heard++);
  isBroken = true;
  client.update(todos, 't0', { title: 'x' });
  expect(client.get(todos, 't0')?.title).toBe('x');
  expect(heard).toBe(1);
  expect(() => client.query(todos, query)).toThrow('broken');
  isBroken = false;
  client.update(todos, 't1', { title: 'gone' });
  expect(heard).toBe(2);
  expect(ids(client.query(todos, query))).toBe('t0,t2');
});

describe('ST9 while rows are read in pages', () => {
  /** Two thousand rows are there and looked at; as many come behind them, in pages. */
  async function readMore(query: Query<Todo>, of: (n: number) => Partial<Todo>) {
    const { client, server } = await start(2_000);
    const shown: (readonly Todo[])[] = [];
    const show = (): void => void shown.push(client.query(todos, query));
    client.subscribe(todos, query, show);
    show();
    client.resume();
    let pages = 0;
    client.on('sync.progress', (progress) => (pages = progress.pages));
    for (let n = 2_000; n < 4_000; n++)
      server.put('todos', `t${n}`, { id: `t${n}`, title: 'x', done: false, n, ...of(n) });
    return { client, shown, pages: () => pages };
  }

  test('a list is asked about the rows of the page, and what does not change it does not show again', async () => {
    const { asked, where } = counted();
    const query = { where, orderBy: 'n', limit: 10 } as const;
    const { client, shown, pages } = await readMore(query, () => ({}));
    asked.rows = 0;
    await client.sync({ direction: 'pull' });
    expect(pages()).toBeGreaterThan(3);
    expect(asked.rows).toBe(2_000);
    expect(shown).toHaveLength(1);
    expect(client.query(todos, query)).toBe(shown[0]);
    await client.dispose();
  });

  test('a list that each page changes hears once a page, and looks at no other row', async () => {
    const { asked, where } = counted();
    const query = { where, orderBy: { field: 'n', direction: 'desc' }, limit: 10 } as const;
    const { client, shown, pages } = await readMore(query, () => ({}));
    asked.rows = 0;
    await client.sync({ direction: 'pull' });
    expect(asked.rows).toBe(2_000);
    expect(shown).toHaveLength(1 + pages());
    expect(shown.at(-1)?.map(({ n }) => n)).toEqual(Array.from({ length: 10 }, (_, i) => 3_999 - i));
    await client.dispose();
  });
});

test('ST9 what is remembered of queries that nobody listens to is bounded in rows, the latest aside', async () => {
  const { client } = await start(3_000);
  const page = (n: number): Query<Todo> => ({ orderBy: 'n', offset: n, limit: 1 });
  const first = client.query(todos, page(0));
  expect(client.query(todos, page(0))).toBe(first);
  let last = first;
  for (let n = 1; n < 34; n++) last = client.query(todos, page(n));
  expect(client.query(todos, page(33))).toBe(last);
  expect(client.query(todos, page(0)), 'was forgotten').not.toBe(first);
  expect(client.query(todos, page(0))).toEqual(first);
});

describe('ST9 without orderBy rows are in the order in which they became known', () => {
  test('which neither a confirmation changes, nor a page of others', async () => {
    const { device, held, client } = await heldDevice();
    expect(client.query(todos)).toEqual([]);
    client.insert(todos, { id: 'b', title: 'mine' });
    client.insert(todos, { id: 'a', title: 'mine' });
    device.server.put('todos', 'c', { id: 'c', title: 'theirs' });
    await client.sync({ direction: 'pull' });
    expect(ids(client.query(todos))).toBe('b,a,c');
    expect(ids(client.query(todos, { where: ({ title }) => title !== '' }))).toBe('b,a,c');
    while (held.pushes.length > 0) await held.pushes.pop()!.pass();
    expect(client.pending()).toEqual([]);
    expect(ids(client.query(todos))).toBe('b,a,c');
    expect(ids(client.query(todos, { limit: 2 }))).toBe('b,a');
    await client.dispose();
  });

  test('nor a delete that is taken back; what was taken back and is inserted again is new', async () => {
    const { client } = await start(3);
    const order = (): string => ids(client.query(todos));
    expect(order()).toBe('t0,t1,t2');
    const removed = client.delete(todos, 't0');
    expect(order()).toBe('t1,t2');
    await client.rollback(removed.token);
    expect(order()).toBe('t0,t1,t2');
    const first = client.insert(todos, { id: 'x', title: 'x' });
    client.insert(todos, { id: 'y', title: 'y' });
    await client.rollback(first.token);
    client.insert(todos, { id: 'x', title: 'again' });
    expect(order()).toBe('t0,t1,t2,y,x');
  });

  test('ID1 nor the id that the server gives', async () => {
    const orders = defineCollection<{ id: string; title: string }>({
      name: 'orders',
      key: 'id',
      serverIds: true,
    });
    let count = 9;
    const device = createDevice({ assignId: () => `n${--count}` });
    const held = heldTransport(device.server, device.clock);
    const client = device.open({ collections: [orders], transport: { ...held, ordered: false } });
    await device.settle();
    const shown: string[] = [];
    client.subscribe(orders, {}, () =>
      shown.push(
        client
          .query(orders)
          .map(({ id }) => id)
          .join(),
      ),
    );
    for (const id of ['p', 'q']) client.insert(orders, { id, title: id });
    await device.settle();
    while (held.pushes.length > 0) await held.pushes.pop()!.pass();
    expect(shown.at(0)).toBe('p');
    expect(shown.slice(1).filter((line) => !/^[pn]\d?,[qn]\d?$/.test(line))).toEqual([]);
    expect(client.query(orders).map(({ title }) => title)).toEqual(['p', 'q']);
    expect(client.query(orders).every(({ id }) => id.startsWith('n'))).toBe(true);
    await client.dispose();
  });
});

/** What the queries are, by definition. */
function fresh(client: SyncClient, query: Query<Todo>): readonly Todo[] {
  const rows = [...(client.store.getState().collections['todos']?.entries() ?? [])] as unknown as [
    string,
    Todo,
  ][];
  const found = rows.map(([, row]) => row).filter(predicate(query.where));
  if (query.orderBy !== undefined) found.sort((a, b) => (a.n ?? -1) - (b.n ?? -1) || (a.id < b.id ? -1 : 1));
  return found.slice(query.offset ?? 0, (query.offset ?? 0) + (query.limit ?? Infinity));
}

const QUERIES: readonly Query<Todo>[] = [
  OPEN,
  { where: { title: 'x' }, orderBy: 'n' },
  { orderBy: 'n', offset: 1, limit: 2 },
  { where: ({ n }) => n === 1, orderBy: 'n' },
  { where: { n: { gte: 1 } }, orderBy: 'n' },
];
const id = fc.constantFrom('a', 'b', 'c', 'd');
const fields = fc.record({ title: fc.constantFrom('x', 'y'), done: fc.boolean(), n: fc.nat({ max: 2 }) });
const act = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), id, fields, isPulled: fc.boolean() }),
  fc.record({ kind: fc.constant('write' as const), id, fields }),
  fc.record({ kind: fc.constant('delete' as const), id }),
  fc.record({ kind: fc.constant('answer' as const), isAccepted: fc.boolean() }),
  fc.record({ kind: fc.constant('rollback' as const) }),
);

test(
  'ST9 whatever is written, pulled, accepted, refused and rolled back: every query shows what a fresh look finds, and listeners know',
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const { device, held, client } = await heldDevice();
        const heard: (readonly Todo[])[] = [];
        QUERIES.forEach((query, i) => {
          const hear = (): void => void (heard[i] = client.query(todos, query));
          client.subscribe(todos, query, hear);
          hear();
        });
        // Nobody listens to these; some are read now and then.
        const read: Query<Todo>[] = QUERIES.map((query) => ({ ...query, limit: 3 }));
        const check = (n: number): void => {
          QUERIES.forEach((query, i) => {
            const rows = client.query(todos, query);
            expect(rows).toEqual(fresh(client, query));
            expect(heard[i]).toBe(rows);
          });
          for (const query of n % 4 === 0 ? read : [])
            expect(client.query(todos, query)).toEqual(fresh(client, query));
        };
        client.store.subscribe(() => {
          for (const query of QUERIES) expect(client.query(todos, query)).toEqual(fresh(client, query));
        });
        for (const [n, one] of acts.entries()) {
          switch (one.kind) {
            case 'put':
              device.server.put('todos', one.id, { id: one.id, ...one.fields });
              if (one.isPulled) await client.sync({ direction: 'pull' });
              break;
            case 'write':
              if (client.get(todos, one.id) === undefined)
                client.insert(todos, { id: one.id, ...one.fields });
              else client.update(todos, one.id, one.fields);
              break;
            case 'delete':
              if (client.get(todos, one.id) !== undefined) client.delete(todos, one.id);
              break;
            case 'answer': {
              const push = held.pushes.shift();
              await (one.isAccepted ? push?.pass() : push?.answer(...push.tokens.map(() => refused)));
              break;
            }
            case 'rollback': {
              const last = client.pending().at(-1);
              if (last !== undefined) await client.rollback(last.token).catch(() => undefined);
            }
          }
          check(n);
          await device.settle();
          check(n);
        }
        await client.dispose();
      }),
      { numRuns: 40 },
    ),
  30_000,
);
