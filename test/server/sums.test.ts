import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/systemClock.js';
import { differing } from '../../src/domain/checksum.js';
import type { BaseRow } from '../../src/domain/entity.js';
import { inTurns } from '../../src/engine/inTurns.js';
import type { FeedPage, SnapshotPage } from '../../src/server/protocol.js';
import { databases, openServer, type TestDatabase, type TestServer } from './harness.js';

const get = async <T>(sync: TestServer, path: string): Promise<T> =>
  (await (await sync.request(path)).json()) as T;

/** What the server says its rows add up to, less what the rows of its snapshot do: nothing, if both are right. */
async function difference(sync: TestServer, others: readonly string[] = []): Promise<readonly string[]> {
  const { entities, cursor } = await sync.snapshot(1000);
  const { sums } = await get<FeedPage>(sync, `changes?since=${cursor}&sums=1`);
  if (sums === undefined) return ['no sums'];
  const bases = new Map<string, Map<string, BaseRow>>();
  for (const { type, id, version, data } of entities)
    bases.set(
      type,
      (bases.get(type) ?? new Map<string, BaseRow>()).set(id, { row: data ?? undefined, version }),
    );
  const told = new Map(sums.map((sum) => [sum.type, sum]));
  return inTurns(differing([sync.type, ...others], told, bases), systemClock());
}

describe.each(databases)('sums on $name', ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  test('PL4 whatever is written, seeded, refused or collected, the server knows what its rows add up to', async () => {
    const sync = openServer({ ...running, validate: (_c, row) => (row?.['n'] === 13 ? 'no' : undefined) });
    const { ops, type } = sync;
    const seeded = Array.from({ length: 600 }, (_, i) => ({ id: `seed${i}`, data: { i } }));
    await sync.server.seed(`${type}-seeded`, seeded);
    const several = (id: string) => [
      { kind: 'insert', type, id: `${id}.1`, data: {} },
      { kind: 'update', type, id: `${id}.1`, patch: { n: 2 } },
      { kind: 'insert', type: `${type}-other`, id: `${id}.2`, data: {} },
      { kind: 'delete', type, id: `${id}.1` },
    ];
    const steps = [
      [ops.insert('a', { n: 1 }), ops.insert('b', { n: 1 }), ops.insert('__proto__', { n: 1 })],
      [
        ops.update('a', { n: 2 }),
        ops.update('b', { n: 13 }),
        ops.remove('missing'),
        ops.insert('c', { n: 13 }),
      ],
      [ops.remove('b'), ops.insert('b', { n: 5 }), ops.remove('a')],
      [ops.group(several('group')), ops.group([...several('half'), ...several('half').slice(1, 2)])],
      [ops.insert('b', { n: 5 }), ops.remove('a')], // both are so already
    ];
    for (const step of steps) {
      await sync.push(step);
      expect(await difference(sync, [`${type}-seeded`, `${type}-other`])).toEqual([]);
    }
    await sync.server.collect({ changesBefore: new Date(Date.now() + 60_000) });
    expect(await difference(sync, [`${type}-seeded`, `${type}-other`])).toEqual([]);
    await sync.close();
  });

  test('PL4 also under writers at once, and only a page that is up to date says it, where it is asked', async () => {
    const sync = openServer(running);
    const { ops } = sync;
    await Promise.all(
      Array.from({ length: 10 }, async (_, writer) => {
        for (let i = 0; i < 6; i++)
          await sync.push([ops.insert(`w${writer}.${i}`, {}), ops.remove(`w${writer}.${i - 3}`)]);
      }),
    );
    expect(await difference(sync)).toEqual([]);
    const pages = ['changes?limit=1&sums=1', 'changes'].map((path) => get<FeedPage>(sync, path));
    expect((await Promise.all(pages)).map(({ sums }) => sums)).toEqual([undefined, undefined]);
    expect((await get<FeedPage>(sync, 'changes?sums=1')).sums).toMatchObject([{ type: sync.type, rows: 30 }]);
    await sync.close();
  });

  test('PL3 a snapshot of some types has their rows only, and says how many', async () => {
    const sync = openServer(running);
    const { type } = sync;
    for (const [name, count] of [
      ['one', 3],
      ['two', 5],
      ['three', 2],
    ] as const)
      await sync.server.seed(
        `${type}.${name}`,
        Array.from({ length: count }, (_, i) => ({ id: `${i}`, data: {} })),
      );
    const page = (more: string) => get<SnapshotPage>(sync, `snapshot?limit=4${more}`);
    const some = `&type=${type}.one&type=${type}.two`;
    const first = await page(some);
    const second = await page(`${some}&page=${first.next}`);
    expect([first, second].map(({ entities, total }) => [entities.length, total])).toEqual([
      [4, 8],
      [4, undefined],
    ]);
    expect([...first.entities, ...second.entities].map((row) => row.type)).not.toContain(`${type}.three`);
    expect((await page('')).total).toBe(10);
    expect((await sync.request('snapshot?type=%00')).status).toBe(400);
    await sync.close();
  });
});

test('PL4 of what was there before sums were kept, or came from an instance that keeps none, nothing is said', async () => {
  const running = await databases[1].start();
  const { database } = running;
  const before = openServer({ database });
  await before.push([before.ops.insert('a', {})]);
  await before.close();
  await database.transaction(async (tx) => {
    await tx.script(`
      DROP TABLE holdfast.sum;
      ALTER TABLE holdfast.scope DROP COLUMN summed;
      ALTER TABLE holdfast.change DROP COLUMN rows, DROP COLUMN checksum;
      UPDATE holdfast.meta SET level = 3;`);
    return { commit: true, value: undefined };
  });
  const old = openServer({ database }, before.scope);
  await old.push([old.ops.insert('b', {})]);
  expect(await get<FeedPage>(old, 'changes?sums=1')).not.toHaveProperty('sums');
  expect(await get<SnapshotPage>(old, 'snapshot')).not.toHaveProperty('total');

  const young = openServer({ database });
  await young.push([young.ops.insert('c', {})]);
  expect(await difference(young)).toEqual([]);
  await database.query(
    'INSERT INTO holdfast.change (scope, type, id, version, data) VALUES ($1, $2, $3, 1, $4::text::jsonb)',
    [young.scope, young.type, 'd', '{}'],
  );
  expect(await get<FeedPage>(young, 'changes?sums=1')).not.toHaveProperty('sums');
  await Promise.all([old.close(), young.close()]);
  await running.stop();
});
