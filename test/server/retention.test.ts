import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncServerOptions } from '../../src/server/syncServer.js';
import { databases, openServer, type TestDatabase, type TestServer } from './harness.js';

const DAY_SEC = 24 * 3600;

describe.each(databases)('retention on $name', ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  const retain = (more: Partial<SyncServerOptions> = {}): TestServer =>
    openServer({
      ...running,
      tombstoneRetentionSec: 10 * DAY_SEC,
      idempotencyRetentionSec: 40 * DAY_SEC,
      ...more,
    });

  /** Lets everything this server has written so far be that old. */
  async function age({ scope }: TestServer, days: number): Promise<void> {
    const { database } = running;
    const ago = `now() - make_interval(days => $2::integer)`;
    await database.query(`UPDATE holdfast.change SET at = ${ago} WHERE scope = $1`, [scope, days]);
    await database.query(
      `UPDATE holdfast.op SET at = ${ago} WHERE token IN (SELECT op FROM holdfast.change WHERE scope = $1)`,
      [scope, days],
    );
  }

  test('SV2 collect keeps what is advertised: older cursors get 410, younger ones go on', async () => {
    const sync = retain();
    const { ops } = sync;
    const { cursor: first = '' } = await sync.push([ops.insert('a', {}), ops.insert('b', {})]);
    const { cursor: second = '' } = await sync.push([ops.remove('a')]);
    await age(sync, 11);
    const young = await sync.push([ops.update('b', { n: 1 })]);
    expect(await sync.server.collect()).toMatchObject({ changes: 3, ops: 0 });
    const gone = await sync.request(`changes?since=${first}`);
    expect([gone.status, await gone.json()]).toMatchObject([410, { reason: 'gc' }]);
    expect((await sync.pull(second)).changes).toMatchObject([{ id: 'b', version: 2 }]);
    expect(await sync.pull(young.cursor)).toMatchObject({ changes: [], upToDate: true });
    expect((await sync.snapshot()).entities.map(({ id }) => id)).toEqual(['b']);
    expect(await sync.server.collect()).toEqual({ changes: 0, ops: 0 });
    await sync.close();
  });

  test('SV1 an op is remembered as long as advertised, then decided anew', async () => {
    const sync = retain();
    const insert = sync.ops.insert('a', { n: 1 });
    await sync.push([insert, sync.ops.remove('a')]);
    await age(sync, 39);
    await sync.server.collect();
    expect(await sync.send(insert)).toMatchObject({ status: 200, replayed: true });
    await running.database.query(
      'UPDATE holdfast.op SET at = at - make_interval(days => 2) WHERE token = $1',
      [insert.op],
    );
    expect((await sync.server.collect()).ops).toBe(1);
    expect(await sync.send(insert)).toMatchObject({
      status: 200,
      replayed: false,
      entities: [{ version: 3 }],
    });
    await sync.close();
  });

  test('SV2 a change that is young keeps all that came after it, and no transaction is cut in two', async () => {
    const sync = retain();
    const { ops, type, scope } = sync;
    const change = (id: string) => ({ kind: 'insert', type, id, data: {} });
    await sync.push([ops.insert('old', {}), ops.group([change('g1'), change('g2')]), ops.insert('last', {})]);
    await age(sync, 11);
    await running.database.query("UPDATE holdfast.change SET at = now() WHERE scope = $1 AND id LIKE 'g%'", [
      scope,
    ]);
    expect((await sync.server.collect()).changes).toBe(1);
    const cursor = (await sync.pull((await sync.snapshot()).cursor)).cursor;
    const from = cursor.replace(/\d+$/, '1');
    expect((await sync.pullAll(from)).map(({ id }) => id)).toEqual(['g1', 'g2', 'last']);
    await sync.close();
  });

  test('SV2 more than fits one slice is removed, page by page, while others write', async () => {
    const sync = retain();
    const rows = Array.from({ length: 11_000 }, (_, i) => ({ id: String(i).padStart(5, '0'), data: {} }));
    await sync.server.seed(sync.type, rows);
    await age(sync, 11);
    const collecting = sync.server.collect();
    const writing = Array.from({ length: 10 }, (_, i) => sync.send(sync.ops.insert(`new${i}`, {})));
    expect((await collecting).changes).toBe(11_000);
    expect((await Promise.all(writing)).every(({ status }) => status === 200)).toBe(true);
    const { cursor } = await sync.snapshot();
    const kept = await sync.pullAll(cursor.replace(/\d+$/, '11000'));
    expect(kept.map(({ id }) => id).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `new${i}`));
    await sync.close();
  });

  test('SV2 collection runs by itself, on several instances at once, and ends with the server', async () => {
    const one = retain({ collectEveryMs: 5 });
    const two = openServer(
      { ...running, database: running.another(), tombstoneRetentionSec: 10 * DAY_SEC, collectEveryMs: 5 },
      one.scope,
    );
    const { cursor = '' } = await one.push([one.ops.insert('a', {}), one.ops.insert('b', {})]);
    await age(one, 11);
    await expect
      .poll(async () => (await two.request(`changes?since=${cursor.replace(/2$/, '1')}`)).status)
      .toBe(410);
    expect(await one.send(one.ops.insert('c', {}))).toMatchObject({ status: 200 });
    await Promise.all([one.close(), two.close()]);
  });
});
