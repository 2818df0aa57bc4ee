import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import type { PullReply, PullRequest, StorageWrite, Transport } from '../../src/engine/ports.js';
import { createDevice, lists, todos, type DeviceOptions } from './testClient.js';

const row = (id: string) => ({ id, title: id });

/** A device that has read four todos and a list, and knows what it asked for. */
async function start(options: DeviceOptions & { readonly lies?: boolean } = {}) {
  const device = createDevice({ pageSize: 2, ...options });
  for (const id of ['a', 'b', 'c', 'd']) device.server.put('todos', id, row(id));
  device.server.put('lists', 'l', { id: 'l', count: 1 });
  const asked: string[] = [];
  const transport: Transport = {
    ...device.server,
    async pull(request): Promise<PullReply> {
      asked.push(placeOf(request));
      const reply = await device.server.pull(request);
      if (options.lies !== true || reply.kind !== 'page' || reply.page.sums === undefined) return reply;
      return { kind: 'page', page: { ...reply.page, sums: new Map([['lists', { rows: 7, checksum: 7 }]]) } };
    },
  };
  const first = device.open({ transport });
  await device.settle();
  const verified: unknown[] = [];
  asked.length = 0;
  return {
    ...device,
    transport,
    first,
    asked,
    verified,
    /** The storage is changed behind everybody's back, and the app starts again. */
    async reopen(write: StorageWrite) {
      await first.dispose();
      const storage = memoryStorage({ disk: device.disk });
      await storage.open('app');
      await storage.write(write);
      const client = device.open({ transport });
      client.on('sync.completed', (done) => 'verified' in done && verified.push(done.verified));
      const counts: number[] = [];
      await client.ready;
      client.subscribe(todos, undefined, () => counts.push(client.query(todos).length));
      await device.settle();
      return { client, counts };
    },
  };
}

function placeOf({ cursor, snapshot, sums }: PullRequest): string {
  if (snapshot === undefined) return `since ${cursor}${sums === true ? ', sums' : ''}`;
  return `${snapshot.collections?.join('+') ?? 'all'} from ${snapshot.page}`;
}

const lost = { key: 'todos/b', row: undefined, version: undefined };
const stale = { key: 'todos/c', row: { id: 'c', title: 'old' }, version: 0 };

describe('PL4 what is here is compared with what the server has', () => {
  test.each<[string, StorageWrite]>([
    ['lost', { put: { rows: [lost] } }],
    ['never deleted', { put: { rows: [{ key: 'todos/x', row: row('x'), version: 1 }] } }],
    ['one for another', { put: { rows: [lost, { key: 'todos/x', row: row('x'), version: 1 }] } }],
    ['out of date', { put: { rows: [stale] } }],
  ])('a row that is %s is repaired by reading its collection again, and no other', async (_what, write) => {
    const { reopen, asked, verified } = await start();
    const { client, counts } = await reopen(write);
    expect(client.query(todos, { orderBy: 'id' })).toEqual(['a', 'b', 'c', 'd'].map(row));
    expect(asked).toEqual([
      'since e1.5, sums',
      'todos from undefined',
      'todos from e1.5.todos/b',
      'since e1.5, sums',
    ]);
    expect(verified).toEqual(['repaired']);
    expect(Math.min(3, ...counts), 'never empty').toBe(3);
  });

  test('a repair that does not help is told, and not repeated', async () => {
    const { reopen, asked, verified, clock } = await start({ lies: true });
    const { client } = await reopen({});
    expect(verified).toEqual(['different']);
    expect(asked.filter((line) => line.includes('from'))).toEqual([
      'todos+lists from undefined',
      'todos+lists from e1.5.todos/a',
      'todos+lists from e1.5.todos/c',
    ]);
    asked.length = 0;
    await clock.advance(24 * 3_600_000);
    expect(new Set(asked)).toEqual(new Set(['since e1.5']));
    expect(client.query(todos)).toHaveLength(4);
  });

  test('at the start, after a full read, and once an hour; what is equal is left alone', async () => {
    const { reopen, asked, verified, clock } = await start();
    const { client } = await reopen({});
    expect(verified).toEqual(['equal']);
    asked.length = 0;
    await clock.advance(3_500_000);
    expect(asked.filter((line) => line.includes('sums'))).toEqual([]);
    await client.sync({ direction: 'pull', operation: 'full' });
    await clock.advance(3_500_000);
    expect(asked.filter((line) => line.includes('sums'))).toHaveLength(1);
    await clock.advance(200_000);
    expect(asked.filter((line) => line.includes('sums'))).toHaveLength(2);
    expect(verified.filter((how) => how !== undefined)).toEqual(['equal', 'equal', 'equal']);
  });

  test('many rows are looked at in several tasks: others have their turn in between', async () => {
    const { reopen, verified, clock, settle } = await start();
    const log: string[] = [];
    const gone = Array.from({ length: 20_000 }, (_, i) => ({ ...lost, key: `todos/gone ${i}` as const }));
    const { client } = await reopen({ put: { rows: gone } });
    client.on('sync.progress', ({ phase }) => {
      if (phase === 'verify') void clock.sleep(0).then(() => log.push('another task'));
    });
    client.on('sync.completed', () => log.push('compared'));
    void client.sync({ direction: 'pull', operation: 'full' });
    await settle();
    expect([log, verified]).toEqual([
      ['another task', 'compared'],
      ['equal', 'equal'],
    ]);
  });

  test('a server that offers no sums is believed', async () => {
    const { reopen, verified } = await start({ sums: false });
    const { client } = await reopen({ put: { rows: [lost] } });
    expect([verified, client.query(todos).length]).toEqual([[], 3]);
  });

  test('what was confirmed while the page was on its way is not held against it', async () => {
    const { reopen, transport, settle, verified, server } = await start();
    let late = (): void => undefined;
    const pull = transport.pull!.bind(transport);
    transport.pull = async (request) => {
      const reply = await pull(request);
      if (request.sums === true) await new Promise<void>((resolve) => (late = resolve));
      return reply;
    };
    const { client } = await reopen({});
    client.insert(todos, row('mine'));
    await settle();
    expect(client.pending()).toEqual([]);
    late();
    await settle();
    expect([verified, client.query(todos).length, server.rows('todos').size]).toEqual([[], 5, 5]);
  });

  test('pending edits are no difference, and a repair keeps them', async () => {
    const device = await start();
    device.first.update(todos, 'b', { title: 'mine' }, { sendAfter: 60_000 });
    await device.settle();
    const { client } = await device.reopen({ put: { rows: [lost] } });
    expect([device.verified, client.get(todos, 'b')?.title]).toEqual([['repaired'], 'mine']);
    expect(client.pending()).toHaveLength(1);
  });
});

describe('PL3 a full read of some collections', () => {
  test('reads these from their snapshot, and the feed from where it was', async () => {
    const { first, asked, server } = await start();
    server.put('lists', 'm', { id: 'm', count: 2 });
    await first.sync({ direction: 'pull', operation: 'full', collections: [lists] });
    expect(asked).toEqual(['lists from undefined', 'since e1.5, sums']);
    expect([first.query(lists).length, first.query(todos).length]).toEqual([2, 4]);
  });

  test('goes on from its page after a kill, still as one of some', async () => {
    const { first, asked, transport, open, settle } = await start();
    const stop = new AbortController();
    first.on('sync.progress', ({ pages }) => pages === 1 && stop.abort(new Error('killed')));
    await expect(
      first.sync({ direction: 'pull', operation: 'full', collections: [todos], signal: stop.signal }),
    ).rejects.toThrow('killed');
    await first.dispose();
    asked.length = 0;
    const next = open({ transport });
    await settle();
    expect(asked).toEqual(['todos from e1.5.todos/b', 'since e1.5, sums']);
    expect(next.query(lists)).toHaveLength(1);
  });

  test('is joined by one of others: both are read; and by one of all: everything is', async () => {
    const { first, asked } = await start();
    const full = { direction: 'pull', operation: 'full' } as const;
    await Promise.all([
      first.sync({ ...full, collections: [todos] }),
      first.sync({ ...full, collections: [lists] }),
    ]);
    expect(asked[0]).toBe('todos+lists from undefined');
    asked.length = 0;
    await Promise.all([first.sync({ ...full, collections: [todos] }), first.sync(full)]);
    expect(asked[0]).toBe('all from undefined');
  });

  test('without snapshots it is one of everything', async () => {
    const { first, asked, server } = await start({ snapshots: false });
    server.put('todos', 'a', undefined);
    await first.sync({ direction: 'pull', operation: 'full', collections: [lists] });
    expect(asked[0]).toBe('since undefined, sums');
    expect(first.query(todos)).toHaveLength(3);
  });
});

describe('PL3 a push of some', () => {
  /** A server that answers only what a test lets through. */
  async function sending(request: object) {
    const device = createDevice();
    const open: (() => void)[] = [];
    const transport: Transport = {
      ...device.server,
      limits: { ...device.server.limits, maxBatch: 1 },
      push: async (ops, context) => {
        await new Promise<void>((resolve) => open.push(resolve));
        return device.server.push(ops, context);
      },
    };
    const client = device.open({ transport });
    await device.settle();
    client.insert(lists, { id: 'l', count: 1 }, { priority: 'background' });
    client.insert(todos, row('a'), { priority: 'high' });
    let done = false;
    void client.sync({ direction: 'push', ...request }).then(() => (done = true));
    const log: string[] = [];
    for (let i = 0; i < 2; i++) {
      await device.settle();
      open[i]?.();
      await device.settle();
      log.push(
        `${client
          .pending()
          .map(({ entities }) => entities[0]?.collection)
          .join()} ${done}`,
      );
    }
    return log;
  }

  test('waits for mutations of at least that priority, which go first', async () => {
    expect(await sending({ priority: 'high' })).toEqual(['lists true', ' true']);
    expect(await sending({ priority: 'low' })).toEqual(['lists true', ' true']);
    expect(await sending({})).toEqual(['lists false', ' true']);
  });

  test('waits for mutations of these collections', async () => {
    expect(await sending({ collections: [todos] })).toEqual(['lists true', ' true']);
    expect(await sending({ collections: [lists] })).toEqual(['lists false', ' true']);
    expect(await sending({ collections: [lists], priority: 'high' })).toEqual(['lists true', ' true']);
  });

  test('what is held after a failure is not waited for', async () => {
    const device = createDevice();
    const client = device.open();
    await device.settle();
    const free = device.server.refuse((op) => op.kind === 'insert' && op.type === 'todos' && 503);
    client.insert(todos, row('a'));
    const result = await client.sync({ direction: 'push', collections: [todos] });
    expect([result.status, client.pending().length]).toEqual(['completed', 1]);
    free();
  });
});
