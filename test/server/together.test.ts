import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database, SqlValue } from '../../src/server/database.js';
import { databases, openServer, type TestDatabase } from './harness.js';

describe.each(databases)('ops of one batch on $name', ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  const statuses = (results: readonly { readonly status: number }[]): number[] =>
    results.map(({ status }) => status);

  test('SV1 share one transaction, with as many statements as one op has', async () => {
    const counting = counted(running.database);
    const sync = openServer({ database: counting.database, numbering: running.numbering });
    await sync.server.ready;
    const { ops } = sync;
    const costOf = async (batch: readonly object[]): Promise<readonly number[]> => {
      const before = counting.counts();
      const { results } = await sync.push(batch);
      expect(statuses(results)).toEqual(batch.map(() => 200));
      return counting.counts().map((count, i) => count - (before[i] ?? 0));
    };
    const one = await costOf([ops.insert('first', { n: 0 })]);
    const fifty = await costOf(Array.from({ length: 50 }, (_, n) => ops.insert(`row${n}`, { n })));
    expect(fifty).toEqual(one);
    expect(fifty[0]).toBe(1);
    // lock_timeout, claim, lock, create, tell and record; and where no trigger does it, number
    expect(fifty[1]).toBe(running.numbering === 'commit' ? 5 : 6);
    await sync.close();
  });

  test('SV2 are steps of the feed of their own, in order, also several of one row', async () => {
    const sync = openServer({ database: running.database });
    const { ops, type } = sync;
    const change = (id: string) => ({ kind: 'insert', type, id, data: {} });
    await sync.push([
      ops.insert('z', { n: 1 }),
      ops.group([change('b'), change('a')]),
      ops.update('z', { n: 2 }),
      ops.update('missing', {}),
      ops.remove('z'),
    ]);
    const pages: string[][] = [];
    for (let cursor: string | undefined; ;) {
      const page = await sync.pull(cursor, 1);
      pages.push(page.changes.map(({ id, version, deleted }) => `${id}${version}${deleted ? ' gone' : ''}`));
      if (page.upToDate) break;
      ({ cursor } = page);
    }
    expect(pages).toEqual([['z1'], ['b1', 'a1'], ['z2'], ['z3 gone']]);
    await sync.close();
  });

  test('SV1 are decided one by one when the database refuses one of them, and only that one is refused', async () => {
    const sync = openServer({ database: running.database });
    const { ops, type } = sync;
    await sync.server.ready;
    await running.database.query(
      "ALTER TABLE holdfast.entity ADD CONSTRAINT short CHECK (length(data->>'name') < 10)",
    );
    const batch = (): object[] => [
      ops.insert('good1', { name: 'short' }),
      ops.insert('bad', { name: 'longer than it may be' }),
      ops.insert('good2', { name: 'short' }),
    ];
    const mixed = batch();
    const { results } = await sync.push(mixed);
    expect(results).toMatchObject([
      { status: 200 },
      { status: 422, problem: { sqlState: '23514' }, entities: [] },
      { status: 200 },
    ]);
    expect((await sync.push(mixed)).results).toEqual(
      results.map((result) => ({ ...result, replayed: true })),
    );
    expect((await sync.pullAll()).map(({ id }) => id)).toEqual(['good1', 'good2']);

    const atomic = await sync.push(
      batch().map((op) => ({ ...op, type: `${type} atomic` })),
      { atomic: true },
    );
    expect(statuses(atomic.results)).toEqual([424, 422, 424]);
    await running.database.query('ALTER TABLE holdfast.entity DROP CONSTRAINT short');
    await sync.close();
  });

  test('SV1 are decided up to the one whose hook throws: that is 500, and nothing overtakes it', async () => {
    const sync = openServer({
      database: running.database,
      validate(change) {
        if (change.id === 'bug') throw new Error('a bug');
        return undefined;
      },
    });
    const { ops } = sync;
    const { results } = await sync.push([ops.insert('a', {}), ops.insert('bug', {}), ops.insert('b', {})]);
    expect(statuses(results)).toEqual([200, 500]);
    expect((await sync.pullAll()).map(({ id }) => id)).toEqual(['a']);
    await sync.close();
  });

  test('SV3 authorize may go by what the ops before it have done', async () => {
    const asked: string[] = [];
    const sync = openServer({
      database: running.database,
      async authorize(change) {
        if (change.kind === 'command') return true;
        asked.push(change.id);
        if (!change.id.startsWith('task')) return true;
        const found = await running.database.query(
          'SELECT 1 FROM holdfast.entity WHERE type = $1 AND id = $2 AND data IS NOT NULL',
          [change.type, change.id.replace('task', 'project')],
        );
        return found.length > 0;
      },
    });
    const { ops } = sync;
    const { results } = await sync.push([
      ops.insert('project1', {}),
      ops.insert('task1', {}),
      ops.insert('task2', {}), // nobody has made project2
      ops.insert('project3', {}),
    ]);
    expect(statuses(results)).toEqual([200, 200, 403, 200]);
    expect(asked).toEqual(['project1', 'task1', 'task1', 'task2', 'task2', 'project3']);
    await sync.close();
  });

  test('SV1 two batches that create the same rows in opposite order: each row once, nobody is stuck', async () => {
    const sync = openServer({ database: running.database });
    const { ops } = sync;
    const ids = Array.from({ length: 20 }, (_, n) => `same${n}`);
    const batch = (n: number, order: readonly string[]): object[] => order.map((id) => ops.insert(id, { n }));
    const answers = await Promise.all([
      sync.push(batch(1, ids)),
      sync.push(batch(2, [...ids].reverse())),
      sync.push(batch(3, ids)),
    ]);
    const all = answers.flatMap(({ results }) => results);
    expect(all.filter(({ status }) => status === 200)).toHaveLength(20);
    expect(all.filter(({ status }) => status === 409)).toHaveLength(40);
    expect((await sync.pullAll()).map(({ id, version }) => `${id} ${version}`).sort()).toEqual(
      ids.map((id) => `${id} 1`).sort(),
    );
    await sync.close();
  });
});

/** How many transactions there were, and how many statements in them. */
function counted(database: Database): { readonly database: Database; counts(): readonly number[] } {
  let transactions = 0;
  let statements = 0;
  return {
    counts: () => [transactions, statements],
    database: {
      ...database,
      transaction(work) {
        transactions++;
        return database.transaction((tx) =>
          work({
            ...tx,
            query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<readonly Row[]> {
              statements++;
              return tx.query<Row>(text, values);
            },
          }),
        );
      },
    },
  };
}
