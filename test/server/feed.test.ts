import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Database, SqlValue } from '../../src/server/database.js';
import { databases, fold, gate, openServer, type TestDatabase } from './harness.js';

describe.each(databases)('feed on $name', ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  test('SV2 tells every accepted write once, in commit order, with who made it', async () => {
    const sync = openServer(running);
    const { ops, type } = sync;
    const insert = ops.insert('a', { n: 1 });
    const remove = ops.remove('a', { rev: 4 });
    await sync.push([insert, ops.update('missing', {}), insert, remove]);
    const page = await sync.pull();
    expect(page.changes).toMatchObject([
      { type, id: 'a', version: 1, data: { n: 1 }, deleted: false, op: insert.op, rev: 0, client: 'c1' },
      { type, id: 'a', version: 2, data: null, deleted: true, op: remove.op, rev: 4, client: 'c1' },
    ]);
    expect(page).toMatchObject({
      upToDate: true,
      cursor: expect.stringMatching(/^e[0-9a-f]+\.2$/) as unknown,
    });
    expect(await sync.pull(page.cursor)).toEqual({ changes: [], cursor: page.cursor, upToDate: true });
    await sync.close();
  });

  test('SV2 a page never splits a transaction, and page limit 1 equals 1000', async () => {
    const sync = openServer(running);
    const { ops, type } = sync;
    for (let i = 0; i < 5; i++) {
      await sync.send(ops.insert(`single${i}`, {}));
      const change = (j: number) => ({ kind: 'insert', type, id: `group${i}.${j}`, data: {} });
      await sync.send(ops.group(Array.from({ length: 7 }, (_, j) => change(j))));
    }
    const sizes: number[] = [];
    for (let cursor: string | undefined, done = false; !done;) {
      const page = await sync.pull(cursor, 1);
      sizes.push(page.changes.length);
      ({ cursor, upToDate: done } = page);
    }
    expect(sizes).toEqual([1, 7, 1, 7, 1, 7, 1, 7, 1, 7]);
    expect((await sync.pull(undefined, 3)).changes).toHaveLength(8); // runs on to the end of the group
    expect(await sync.pullAll(undefined, 1)).toEqual(await sync.pullAll(undefined, 1000));
    await sync.close();
  });

  test('SV2 a write that is rolled back leaves no change and no gap', async () => {
    const sync = openServer(running);
    const { ops, type } = sync;
    await sync.send(ops.insert('before', {}));
    await sync.send(
      ops.group([
        { kind: 'insert', type, id: 'half', data: {} },
        { kind: 'update', type, id: 'missing', patch: {} },
      ]),
    );
    const { cursor } = await sync.push([ops.insert('after', {})]);
    expect((await sync.pullAll()).map(({ id }) => id)).toEqual(['before', 'after']);
    expect(cursor).toMatch(/\.2$/);
    await sync.close();
  });

  test('SV2 scopes are feeds of their own', async () => {
    const sync = openServer({ ...running, scopeOf: (_type, id) => id.split('/')[0]! });
    const { ops, type } = sync;
    const change = (id: string) => ({ kind: 'insert', type, id, data: {} });
    await sync.send(ops.group([change('east/1'), change('west/1'), change('east/2')]));
    const ids = async (scope: string): Promise<string[]> => {
      const response = await sync.request(`changes?scope=${scope}`);
      const { changes } = (await response.json()) as { changes: { id: string }[] };
      return changes.map(({ id }) => id);
    };
    expect(await ids('east')).toEqual(['east/1', 'east/2']);
    expect(await ids('west')).toEqual(['west/1']);
    await sync.close();
  });

  test('400 for a malformed cursor, page, limit or wait', async () => {
    const sync = openServer(running);
    const statuses = await Promise.all(
      [
        'changes?since=17',
        'changes?since=e1.',
        'changes?since=',
        'snapshot?page=zzz',
        'changes?limit=0',
        'changes?wait=-1',
      ].map(async (path) => (await sync.request(path)).status),
    );
    expect(statuses).toEqual(Array(6).fill(400));
    const response = await sync.request('changes?since=17');
    expect(await response.json()).toMatchObject({
      type: 'urn:holdfast:problem:malformed-cursor',
      status: 400,
    });
    await sync.close();
  });

  test('410 for the cursor of another epoch, one from the future, and one below the floor', async () => {
    const sync = openServer(running);
    const { ops } = sync;
    const { cursor: first = '' } = await sync.push([ops.insert('a', {}), ops.insert('b', {})]);
    const expired = async (since: string): Promise<unknown> => {
      const response = await sync.request(`changes?since=${since}`);
      return [response.status, ((await response.json()) as { reason: string }).reason];
    };
    expect(await expired('e0123456789ab.1')).toEqual([410, 'epoch']);
    expect(await expired(first.replace(/\d+$/, '99'))).toEqual([410, 'epoch']);

    const { cursor: second } = await sync.push([ops.remove('a')]);
    const removed = await sync.server.collect({ changesBefore: new Date(Date.now() + 60_000) });
    expect(removed.changes).toBeGreaterThanOrEqual(3);
    expect(await expired(first)).toEqual([410, 'gc']);
    expect((await sync.request('changes')).status).toBe(410); // the beginning is gone, too
    expect(await sync.pull(second)).toMatchObject({ changes: [], upToDate: true });
    // the tombstone is out of the feed, and still keeps the version counting
    expect(await sync.send(ops.insert('a', {}))).toMatchObject({ entities: [{ version: 3 }] });
    expect((await sync.snapshot()).entities.map(({ id }) => id)).toEqual(['a', 'b']);
    await sync.close();
  });

  test('a snapshot taken during writes and the feed after it give the state', async () => {
    const sync = openServer(running);
    const { ops } = sync;
    await sync.push(Array.from({ length: 30 }, (_, i) => ops.insert(`row${i}`, { n: 0 })));
    const writing = (async () => {
      for (let i = 0; i < 30; i++) {
        await sync.push([
          ops.update(`row${i}`, { n: 1 }),
          ops.insert(`new${i}`, {}),
          ops.remove(`row${29 - i}`),
        ]);
      }
    })();
    const { entities, cursor, pages } = await sync.snapshot(4);
    await writing;
    expect(pages).toBeGreaterThan(3); // as many as the rows that are there meanwhile need
    const state = await sync.snapshot(1000);
    const byKey = [...fold(await sync.pullAll(cursor), entities).values()].sort((a, b) =>
      a.id < b.id ? -1 : 1,
    );
    expect(byKey).toEqual(state.entities);
    await sync.close();
  });

  test('a long poll answers when there is a change', async () => {
    let reads = 0;
    const database: Database = {
      ...running.database,
      query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<readonly Row[]> {
        if (text.includes('page_end')) reads++;
        return running.database.query<Row>(text, values);
      },
    };
    const sync = openServer({ database });
    const polling = sync.request('changes?wait=20');
    await expect.poll(() => reads).toBe(2); // once at once, once after it subscribed: now it waits
    await sync.send(sync.ops.insert('woken', {}));
    expect(await (await polling).json()).toMatchObject({ changes: [{ id: 'woken' }], upToDate: true });
    await sync.close();
  });

  test('close ends a long poll with an empty page', async () => {
    const sync = openServer(running);
    await sync.server.ready;
    const polling = sync.request('changes?wait=30');
    await sync.close();
    expect(await (await polling).json()).toMatchObject({ changes: [] });
  });

  test('seed inserts once, tells the feed, and can be paged', async () => {
    const sync = openServer(running);
    const rows = Array.from({ length: 1200 }, (_, i) => ({ id: String(i).padStart(4, '0'), data: { i } }));
    expect(await sync.server.seed(sync.type, rows)).toBe(1200);
    expect(await sync.server.seed(sync.type, rows)).toBe(0);
    expect((await sync.pull(undefined, 100)).changes).toHaveLength(500);
    const changes = await sync.pullAll();
    expect(changes.map(({ id, version, op }) => [id, version, op])).toEqual(
      rows.map(({ id }) => [id, 1, null]),
    );
    expect((await sync.snapshot(1000)).entities).toHaveLength(1200);
    await sync.close();
  });
});

describe('feed on PostgreSQL, concurrently', () => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await databases[1].start();
  });
  afterAll(() => running.stop());

  test('SV2 a pull never skips a row whose transaction committed late', async () => {
    const written = gate();
    const release = gate();
    onTestFinished(release.open);
    const options = {
      commands: {
        async slow(tx: { insert(type: string, id: string, data: object): Promise<unknown> }, type: unknown) {
          await tx.insert(type as string, 'late', {});
          written.open();
          await release.opened;
        },
      },
    };
    const one = openServer({ database: running.database, ...options });
    const two = openServer({ database: running.another(), ...options }, one.scope);
    const { type, ops } = one;
    const slow = one.send(ops.command('slow', type));
    await written.opened; // its change row is written before all others, and committed after them

    const seen: string[] = [];
    let cursor: string | undefined;
    const finished = new AbortController();
    const pulling = (async () => {
      for (;;) {
        const last = finished.signal.aborted;
        const page = await two.pull(cursor, 7);
        ({ cursor } = page);
        seen.push(...page.changes.map(({ id }) => id));
        if (last && page.upToDate) return;
      }
    })();
    const write = Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        const server = writer % 2 ? one : two;
        for (let i = 0; i < 15; i++) {
          await server.send(ops.insert(`w${writer}.${i}`, {}));
          if (writer === 0 && i === 10) release.open();
        }
      }),
    );
    const finish = Promise.all([write, slow]).finally(() => finished.abort());
    const [[, late]] = await Promise.all([finish, pulling]);
    expect(late).toMatchObject({ status: 200 });

    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(20 * 15 + 1);
    expect(seen).toContain('late');
    expect(seen.indexOf('late')).toBeGreaterThan(10);
    // every writer's own order is kept
    for (let writer = 0; writer < 20; writer++) {
      const own = seen.filter((id) => id.startsWith(`w${writer}.`));
      expect(own).toEqual(Array.from({ length: 15 }, (_, i) => `w${writer}.${i}`));
    }
    await Promise.all([one.close(), two.close()]);
  });
});
