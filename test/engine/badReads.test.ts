import { describe, expect, test } from 'vitest';
import type { PullPage, PullReply, PullRequest } from '../../src/engine/ports.js';
import { SyncError } from '../../src/domain/errors.js';
import { createDevice, todos } from './testClient.js';

/** A device that has read two rows and edits one of them; what it is told from then on a test says. */
async function start() {
  const device = createDevice();
  for (const id of ['a', 'b']) device.server.put('todos', id, { id, title: 'old' });
  let instead: ((request: PullRequest) => PullReply) | undefined;
  const client = device.open({
    transport: {
      ...device.server,
      pull: (request) =>
        instead === undefined ? device.server.pull(request) : Promise.resolve(instead(request)),
    },
  });
  await device.settle();
  client.update(todos, 'a', { title: 'mine' }, { sendAfter: 60_000 });
  await device.settle();
  const failures: unknown[] = [];
  client.on('client.failure', ({ error }) => failures.push(error));
  return {
    ...device,
    client,
    failures,
    tell: (by: typeof instead) => (instead = by),
    pull: async () => (await client.sync({ direction: 'pull' })).pulled,
  };
}

const page = (changes: PullPage['changes'], cursor: string): PullReply => ({
  kind: 'page',
  page: { changes, cursor, upToDate: true },
});
const told = (id: string, title: string | undefined, version: number | string) => ({
  collection: 'todos',
  id,
  row: title === undefined ? undefined : { id, title },
  version,
  op: undefined,
});

describe('PL1 bad pages', () => {
  test('a cursor from another server: everything is read again, and nothing pending is lost', async () => {
    const { client, tell, pull, failures } = await start();
    tell(() => page([], 'from-elsewhere.77'));
    expect(await pull()).toMatchObject({ kind: 'up-to-date' });
    tell(undefined); // the server that does not know that cursor
    expect(await pull()).toMatchObject({ kind: 'up-to-date', rows: 2, verified: 'equal' });
    expect(client.query(todos)).toEqual([
      { id: 'a', title: 'mine' },
      { id: 'b', title: 'old' },
    ]);
    expect([client.pending().length, failures]).toEqual([1, []]);
  });

  test('versions of mixed types: numbers order, anything else replaces what differs, and the session goes on', async () => {
    const { client, tell, pull, failures } = await start();
    const seen: (string | undefined)[] = [];
    client.subscribe(todos, 'b', () => seen.push(client.get(todos, 'b')?.title));
    const pages = [
      told('b', 'tag', 'W/"x"'),
      told('b', 'same tag', 'W/"x"'),
      told('b', 'number', 7),
      told('b', 'text', '7'),
      told('b', 'less', 3),
    ];
    for (const [i, change] of pages.entries()) {
      tell(() => page([change], `c${i}`));
      expect(await pull()).toMatchObject({ kind: 'up-to-date', rows: 1 });
    }
    expect(seen).toEqual(['tag', 'number', 'text', 'less']);
    tell(() => page([told('b', 'one', 2), told('b', 'two', 'two'), told('b', 'three', 3)], 'c9'));
    await pull();
    expect([client.get(todos, 'b')?.title, client.get(todos, 'a')?.title]).toEqual(['three', 'mine']);
    expect([client.pending().length, failures]).toEqual([1, []]);
  });

  test('a tombstone for a row with a pending edit, and for one that never was: no half row, and the edit is still there', async () => {
    const { client, tell, pull, failures } = await start();
    tell(() => page([told('a', undefined, 9), told('never', undefined, 4)], 'c1'));
    expect(await pull()).toMatchObject({ kind: 'up-to-date', rows: 2 });
    expect([client.get(todos, 'a'), client.get(todos, 'never')]).toEqual([undefined, undefined]);
    expect([client.pending().length, client.query(todos).length, failures]).toEqual([1, 1, []]);
    tell(() => page([told('a', 'back', 10)], 'c2'));
    await pull();
    expect(client.get(todos, 'a')).toEqual({ id: 'a', title: 'mine' });
  });

  test.each([
    ['without rows', []],
    ['that repeat rows', [told('a', 'old', 1), told('b', 'old', 1)]],
  ])(
    'pages without an end, %s: the session fails after a hundred, and the next one goes on there',
    async (_of, rows) => {
      const { client, tell, pull, failures } = await start();
      const asked: (string | undefined)[] = [];
      tell(({ cursor }) => {
        asked.push(cursor);
        return { kind: 'page', page: { changes: rows, cursor: `c${asked.length}`, upToDate: false } };
      });
      expect(await pull()).toMatchObject({
        kind: 'failed',
        error: {
          code: 'UNEXPECTED_RESPONSE',
          message: expect.stringContaining('100 pages brought nothing') as string,
        },
      });
      expect(asked).toHaveLength(100);
      tell(({ cursor }) => {
        asked.push(cursor);
        return page([told('b', 'new', 2)], 'end');
      });
      expect(await pull()).toMatchObject({ kind: 'up-to-date', rows: 1 });
      expect([asked.at(-1), client.get(todos, 'b')?.title]).toEqual(['c100', 'new']);
      expect([client.get(todos, 'a')?.title, client.pending().length, failures]).toEqual(['mine', 1, []]);
    },
  );

  test('an answer that cannot be read: less is asked for the next time', async () => {
    const { tell, pull, clock } = await start();
    const asked: (number | undefined)[] = [];
    const cause = new SyncError('UNEXPECTED_RESPONSE', 'its body has more than 1 bytes');
    tell(({ limit }) => {
      asked.push(limit);
      return { kind: 'failed', reply: { kind: 'failure', failure: 'unexpected', cause } };
    });
    for (let n = 0; n < 3; n++) {
      expect(await pull()).toMatchObject({ kind: 'failed', error: { code: 'UNEXPECTED_RESPONSE' } });
      await clock.advance(0);
    }
    expect(asked.slice(0, 3)).toEqual([250, 125, 62]);
  });

  test('sums that are no sums of anything: reported, and no endless repair', async () => {
    const { client, tell, pull } = await start();
    const asked: PullRequest[] = [];
    const verified: unknown[] = [];
    client.on('sync.completed', (done) => 'verified' in done && verified.push(done.verified));
    tell((request) => {
      asked.push(request);
      const { snapshot } = request;
      const rows = [told('a', 'old', 1), told('b', 'old', 1)];
      if (snapshot !== undefined) return { kind: 'snapshot', page: { rows, next: undefined, cursor: 'c1' } };
      const reply = page([], 'c1');
      return reply.kind === 'page'
        ? { kind: 'page', page: { ...reply.page, sums: new Map([['todos', { rows: -1, checksum: NaN }]]) } }
        : reply;
    });
    await client.sync({ direction: 'pull', operation: 'full' });
    await pull();
    expect([verified, asked.length]).toEqual([['different'], 5]);
    expect(client.query(todos)).toHaveLength(2);
  });
});
