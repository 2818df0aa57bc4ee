import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DatabaseError, type Database } from '../../src/server/database.js';
import { pgliteDatabase } from '../../src/server/pgliteDatabase.js';
import { postgresDatabase } from '../../src/server/postgresDatabase.js';
import { startPostgres, type PostgresCluster } from '../../scripts/pg.mjs';
import { gate, openServer } from './harness.js';

describe('crashes of PostgreSQL', () => {
  let cluster: PostgresCluster;
  let admin: Database;
  beforeAll(async () => {
    cluster = await startPostgres();
    admin = postgresDatabase({ connectionString: cluster.url });
  });
  afterAll(async () => {
    await admin.close();
    await cluster.stop();
  });
  const kill = (pid: number): Promise<unknown> =>
    admin.query('SELECT pg_terminate_backend($1::integer)', [pid]);

  test('SV1 killed before COMMIT or between COMMIT and answer, again and again: exactly one effect', async () => {
    let count = 0;
    const pool = postgresDatabase({ connectionString: cluster.url });
    // of three transactions one loses its backend when its work is done, and one its answer after COMMIT
    const dying: Database = {
      ...pool,
      async transaction(work) {
        const fate = count++ % 3;
        const value = await pool.transaction(async (tx) => {
          const ending = await work(tx);
          const [backend] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
          if (fate === 1) await kill(backend!.pid);
          return ending;
        });
        if (fate === 2) throw new DatabaseError('unavailable', new Error('committed, and nobody heard'));
        return value;
      },
    };
    const sync = openServer({ database: dying });
    await sync.server.ready;
    const { ops } = sync;
    const batch = [
      ops.insert('counter', { n: 0 }),
      ...Array.from({ length: 29 }, (_, n) => ops.update('counter', { n })),
    ];
    let undecided: readonly { readonly op: string }[] = batch;
    let requests = 0;
    const versions: unknown[] = [];
    while (undecided.length > 0) {
      expect(++requests).toBeLessThan(200);
      const response = await sync.post({ client: 'c1', ops: undecided.slice(0, 4) });
      if (response.status === 503) continue;
      const { results } = (await response.json()) as {
        results: { status: number; entities: { version: number }[] }[];
      };
      expect(results.every(({ status }) => status === 200)).toBe(true);
      versions.push(...results.map(({ entities }) => entities[0]!.version));
      undecided = undecided.slice(results.length);
    }
    expect(requests).toBeGreaterThan(5);
    expect(versions).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    await expect
      .poll(() => sync.pullAll().then((changes) => changes.map(({ version }) => version)))
      .toEqual(versions);
    await sync.close();
    await pool.close();
  });

  test('SV2 subscribers are woken again after the LISTEN session was lost', async () => {
    const pools = [1, 2].map(() => postgresDatabase({ connectionString: cluster.url }));
    const one = openServer({ database: pools[0]! });
    const two = openServer({ database: pools[1]! }, one.scope);
    await one.server.ready;
    const response = await two.request('stream');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    await reader.read();
    const listening = (): Promise<readonly { pid: number }[]> =>
      admin.query<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    const before = await listening();
    expect(before).toHaveLength(1);
    await kill(before[0]!.pid);
    const { cursor } = await one.push([one.ops.insert('a', {})]); // nobody may be listening just now
    for (let text = ''; !text.includes(`id: ${cursor}\n`);) text = (await reader.read()).value ?? '';
    await expect.poll(listening).not.toEqual(before);
    await reader.cancel();
    await Promise.all([one.close(), two.close()]);
    await Promise.all(pools.map((pool) => pool.close()));
  });

  test('an instance can join while another one is writing', async () => {
    const written = gate();
    const release = gate();
    onTestFinished(release.open);
    const pools = [1, 2].map(() => postgresDatabase({ connectionString: cluster.url }));
    const one = openServer({
      database: pools[0]!,
      commands: {
        async slow(tx) {
          await tx.insert('joining', 'a', {});
          written.open();
          await release.opened;
        },
      },
    });
    const slow = one.send(one.ops.command('slow'));
    await written.opened;
    const two = openServer({ database: pools[1]! }, one.scope); // must not wait for a lock on any table
    expect(await two.send(two.ops.insert('b', {}))).toMatchObject({ status: 200 });
    release.open();
    expect(await slow).toMatchObject({ status: 200 });
    await Promise.all([one.close(), two.close()]);
    await Promise.all(pools.map((pool) => pool.close()));
  });

  test('instances that start at once make one database', async () => {
    await admin.query('DROP SCHEMA IF EXISTS holdfast CASCADE');
    const pools = [1, 2, 3, 4].map(() => postgresDatabase({ connectionString: cluster.url }));
    const servers = pools.map((database) => openServer({ database }));
    await Promise.all(servers.map(({ server }) => server.ready));
    const epochs = await Promise.all(
      servers.map(
        async (sync) => ((await (await sync.request('capabilities')).json()) as { epoch: string }).epoch,
      ),
    );
    expect(new Set(epochs).size).toBe(1);
    await Promise.all(servers.map((sync) => sync.close()));
    await Promise.all(pools.map((pool) => pool.close()));
  });
});

test('without a database every request is answered 503, and works once it is back', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-pg-'));
  const first = await startPostgres({ dir });
  await first.crash();
  const database = postgresDatabase({ connectionString: first.url });
  const sync = openServer({ database });
  await expect(sync.server.ready).rejects.toThrow();
  const push = () => sync.post({ client: 'c1', ops: [sync.ops.insert('a', {})] });
  expect((await push()).status).toBe(503);
  expect((await sync.request('changes')).status).toBe(503);
  expect((await sync.request('capabilities')).status).toBe(503);
  await sync.close();
  await database.close();

  const second = await startPostgres({ dir });
  const back = postgresDatabase({ connectionString: second.url });
  const healed = openServer({ database: back });
  expect(await healed.send(healed.ops.insert('a', {}))).toMatchObject({ status: 200 });
  await healed.close();
  await back.close();
  await second.stop();
});

test('SV1 PGlite on a folder keeps rows, op records and epoch over a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-pglite-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const dataDir = join(dir, 'nested', 'data');
  const before = pgliteDatabase({ dataDir });
  const first = openServer({ database: before });
  const insert = first.ops.insert('kept', { n: 1 });
  const done = await first.push([insert]);
  await first.close();
  await before.close();

  const after = pgliteDatabase({ dataDir });
  const second = openServer({ database: after }, first.scope);
  expect(await second.send(insert)).toEqual({ ...done.results[0], replayed: true });
  expect((await second.pullAll()).map(({ id }) => id)).toEqual(['kept']);
  expect(await second.pull(done.cursor)).toMatchObject({ changes: [], upToDate: true });
  await second.close();
  await after.close();
});
