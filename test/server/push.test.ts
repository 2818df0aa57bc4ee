import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Refusal } from '../../src/server/command.js';
import { DatabaseError, type Database } from '../../src/server/database.js';
import { databases, gate, openServer, type RawOp, type TestDatabase, type TestServer } from './harness.js';

describe.each(databases)('push on $name', ({ start }) => {
  let running: TestDatabase;
  let sync: TestServer;
  let plain: TestServer;
  // With `authorize`, a recorded op is answered before the transaction; without, inside it.
  const ways = [
    ['asking authorize', () => sync],
    ['asking nobody', () => plain],
  ] as const;
  beforeAll(async () => {
    running = await start();
    plain = openServer({
      database: running.database,
      validate: (_change, row) => (row?.['bad'] === true ? 'bad must not be true' : undefined),
    });
    sync = openServer({
      database: running.database,
      authenticate: (request) => ({ subject: request.headers.get('X-Subject') ?? 'ada' }),
      authorize: (change) => !('id' in change && change.id.startsWith('forbidden')),
      validate: (_change, row) => (row?.['bad'] === true ? 'bad must not be true' : undefined),
      commands: {
        async transfer(tx, args, { refuse }) {
          const { from, to, amount, type } = args as {
            from: string;
            to: string;
            amount: number;
            type: string;
          };
          const source = await tx.get(type, from);
          await tx.update(type, to, { paid: amount });
          await tx.update(type, from, { paid: -amount });
          if (source?.data?.['locked']) refuse('The account is locked.');
          return { moved: amount };
        },
        async fails() {
          throw new Error('a bug');
        },
      },
    });
  });
  afterAll(async () => {
    await Promise.all([sync.close(), plain.close()]);
    await running.stop();
  });

  test.each(ways)('SV1 a replay returns the stored reply and writes nothing, %s', async (_way, get) => {
    const server = get();
    const { ops } = server;
    const insert = ops.insert('r1', { n: 1 });
    const first = await server.send(insert);
    await server.send(ops.update('r1', { n: 2 }));
    const feed = await server.pullAll();
    const again = await server.send(insert);
    expect(first).toMatchObject({
      status: 200,
      replayed: false,
      entities: [{ id: 'r1', version: 1, data: { n: 1 } }],
    });
    expect(again).toEqual({ ...first, replayed: true });
    expect(await server.pullAll()).toEqual(feed);
  });

  test('SV1 the same key ten times in parallel is one effect', async () => {
    const { ops } = sync;
    await sync.send(ops.insert('parallel', { n: 0 }));
    const update = ops.update('parallel', { n: 1 });
    const results = await Promise.all(Array.from({ length: 10 }, () => sync.send(update)));
    expect(results.map(({ status, entities }) => [status, entities[0]?.version])).toEqual(
      Array(10).fill([200, 2]),
    );
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  test.each(ways)('SV1 the same op twice in a batch is one effect and two results, %s', async (_way, get) => {
    const server = get();
    const insert = server.ops.insert('twice', {});
    const { results } = await server.push([insert, insert]);
    expect(results.map(({ status, replayed }) => [status, replayed])).toEqual([
      [200, false],
      [200, true],
    ]);
    expect(results[1]!.entities).toEqual(results[0]!.entities);
  });

  test.each(ways)(
    'SV1 a key used for other content is refused, whatever the order of its members, %s',
    async (_way, get) => {
      const server = get();
      const insert = server.ops.insert('reused', { a: 1, b: 2 });
      await server.send(insert);
      const reordered = { data: { b: 2, a: 1 }, ...Object.fromEntries(Object.entries(insert).reverse()) };
      expect(await server.send(reordered)).toMatchObject({ status: 200, replayed: true });
      expect(await server.send({ ...insert, data: { a: 1, b: 3 } })).toMatchObject({
        status: 422,
        problem: { type: 'urn:holdfast:problem:key-reused' },
      });
      expect(await server.send({ ...insert, ifVersion: 7 })).toMatchObject({ status: 422 });
    },
  );

  test('SV1 a key belongs to its subject', async () => {
    const { ops, type } = sync;
    await sync.send(ops.insert('mine', { n: 0 }));
    const update = ops.update('mine', { n: 1 });
    await sync.send(update);
    const other = await sync.post(
      { client: 'c2', ops: [{ ...update, patch: { n: 2 } }] },
      { headers: { 'Content-Type': 'application/json', 'X-Subject': 'bob' } },
    );
    expect(await other.json()).toMatchObject({
      results: [{ status: 200, replayed: false, entities: [{ type, version: 3 }] }],
    });
  });

  test.each(ways)(
    'SV1 a late copy of a refused op replays the refusal, even if it would be accepted by now; the next rev is judged anew, %s',
    async (_way, get) => {
      const server = get();
      const { ops } = server;
      const id = (name: string): string => `refused-${name}`;
      await server.push([
        ops.insert(id('taken'), { n: 0 }),
        ops.insert(id('old'), { n: 0 }),
        ops.insert(id('bad'), { bad: true }),
      ]);
      const missing = ops.update(id('missing'), { n: 1 });
      const refused = [
        ops.insert(id('bad'), { bad: true }),
        missing,
        ops.insert(id('taken'), { n: 1 }),
        ops.update(id('old'), { n: 1 }, { ifVersion: 2 }),
        ops.insert(id('dependent'), {}, { after: [missing.op] }),
      ];
      const first = await server.push(refused);
      expect(first.results.map(({ status, replayed }) => [status, replayed])).toEqual([
        [422, false],
        [404, false],
        [409, false],
        [412, false],
        [424, false],
      ]);

      await server.push([
        ops.insert(id('missing'), {}),
        ops.remove(id('taken')),
        ops.update(id('old'), { n: 2 }),
      ]);
      const feed = await server.pullAll();
      const late = await server.push(refused);
      expect(late.results).toEqual(first.results.map((result) => ({ ...result, replayed: true })));
      expect(await server.pullAll()).toEqual(feed);

      const anew = await server.push(refused.map((op) => ({ ...op, rev: 1 })));
      expect(anew.results.map(({ status, replayed }) => [status, replayed])).toEqual([
        [422, false], // still bad
        [200, false],
        [200, false],
        [200, false],
        [200, false],
      ]);
    },
  );

  test('SV1 a late copy of a forbidden op replays the refusal, even if the permission was granted meanwhile', async () => {
    let allowed = false;
    const server = openServer({ database: running.database, authorize: () => allowed });
    const insert = server.ops.insert('secret', {});
    const first = await server.send(insert);
    expect(first).toMatchObject({ status: 403, replayed: false, problem: { change: 0 } });
    allowed = true;
    expect(await server.send(insert)).toEqual({ ...first, replayed: true });
    expect(await server.pullAll()).toEqual([]);
    expect(await server.send({ ...insert, rev: 1 })).toMatchObject({ status: 200, replayed: false });
    allowed = false;
    expect(await server.send({ ...insert, rev: 1 })).toMatchObject({ status: 200, replayed: true });
    await server.close();
  });

  test('SV1 two copies of an op, one forbidden and one allowed: the first to claim the key decides for both', async () => {
    const claimed = gate();
    const commit = gate();
    onTestFinished(commit.open);
    const { database } = running;
    const forbidding = openServer({
      database: holdingCommits(database, claimed.open, commit.opened),
      authorize: () => false,
    });
    const allowing = openServer({ database }, forbidding.scope);
    await Promise.all([forbidding.server.ready, allowing.server.ready]);
    const insert = forbidding.ops.insert('contested', {});
    const refused = forbidding.send(insert);
    await claimed.opened;
    const copy = allowing.send(insert);
    expect(await Promise.race([copy, sleep(100)])).toBeUndefined(); // it waits
    commit.open();
    expect(await refused).toMatchObject({ status: 403, replayed: false });
    expect(await copy).toEqual({ ...(await refused), replayed: true });
    expect(await allowing.pullAll()).toEqual([]);

    // asked before, and slow to answer: by then the other copy has been accepted
    const asked = gate();
    const answer = gate();
    onTestFinished(answer.open);
    const hesitating = openServer(
      {
        database,
        async authorize() {
          asked.open();
          await answer.opened;
          return false;
        },
      },
      forbidding.scope,
    );
    const other = allowing.ops.insert('contested too', {});
    const late = hesitating.send(other);
    await asked.opened;
    const accepted = await allowing.send(other);
    expect(accepted).toMatchObject({ status: 200, replayed: false });
    answer.open();
    expect(await late).toEqual({ ...accepted, replayed: true });
    await Promise.all([forbidding.close(), allowing.close(), hesitating.close()]);
  });

  test.each([
    { status: 401, type: 'signed-out' },
    { status: 403, type: 'wrong-account' },
    { status: 408, type: 'slow' },
    { status: 409, type: 'in-progress' },
    { status: 425, type: 'early' },
    { status: 426, type: 'outdated' },
    { status: 429, type: 'rate-limited', retryAfterMs: 2000 },
    { status: 503, type: 'unavailable', retryAfterMs: 2000 },
  ])(
    'SV1 $status $type asks for another try: it is not recorded and ends the batch',
    async ({ type, ...rest }) => {
      let busy = true;
      const content = { type: `urn:holdfast:problem:${type}`, title: type, ...rest };
      const server = openServer({
        database: running.database,
        commands: {
          async work(tx) {
            await tx.insert(server.type, 'work', {});
            if (busy) throw new Refusal(content);
          },
        },
      });
      const batch = [server.ops.command('work'), server.ops.insert('behind', {})];
      expect((await server.push(batch)).results).toMatchObject([{ status: rest.status, problem: content }]);
      busy = false;
      const { results } = await server.push(batch);
      expect(results).toMatchObject([
        { status: 200, replayed: false },
        { status: 200, replayed: false },
      ]);
      await server.close();
    },
  );

  test('SV1 a late copy of an earlier rev changes nothing', async () => {
    const { ops } = sync;
    await sync.send(ops.insert('rebased', { n: 0 }));
    const stale = ops.update('rebased', { n: 1 }, { ifVersion: 9 });
    expect(await sync.send(stale)).toMatchObject({ status: 412 });
    expect(await sync.send({ ...stale, rev: 1, ifVersion: 1 })).toMatchObject({ status: 200, rev: 1 });
    expect(await sync.send(stale)).toMatchObject({ status: 412, rev: 0, replayed: true });

    const overtaken = ops.update('rebased', { n: 2 });
    expect(await sync.send({ ...overtaken, rev: 1 })).toMatchObject({ status: 200 });
    expect(await sync.send(overtaken)).toMatchObject({
      status: 409,
      problem: { type: 'urn:holdfast:problem:superseded' },
    });
  });

  test('the version grows by one with every accepted write, deletes included', async () => {
    const { ops } = sync;
    const { results } = await sync.push([
      ops.insert('v', { n: 1 }),
      ops.update('v', { n: 2 }),
      ops.update('v', { n: 2 }),
      ops.remove('v'),
      ops.insert('v', { n: 3 }),
      ops.insert('v', { n: 3 }),
    ]);
    expect(results.map(({ status, entities }) => [status, entities[0]?.version, entities[0]?.data])).toEqual([
      [200, 1, { n: 1 }],
      [200, 2, { n: 2 }],
      [200, 3, { n: 2 }],
      [200, 4, null],
      [200, 5, { n: 3 }],
      [200, 5, { n: 3 }], // same content: nothing to do
    ]);
  });

  test('an update sets null as a value and removes what unset names', async () => {
    const { ops } = sync;
    await sync.send(ops.insert('patch', { a: 1, b: { c: 1 }, d: 0 }));
    const result = await sync.send(
      ops.update('patch', { a: null, b: {}, e: false }, { unset: ['d', 'missing'] }),
    );
    expect(result.entities[0]?.data).toEqual({ a: null, b: {}, e: false });
  });

  test('404 update of a missing row, with its tombstone; deleting a missing row is success', async () => {
    const { ops } = sync;
    await sync.push([ops.insert('gone', {}), ops.remove('gone')]);
    expect(await sync.send(ops.update('gone', { n: 1 }))).toMatchObject({
      status: 404,
      problem: { current: { version: 2, data: null } },
    });
    expect(await sync.send(ops.remove('gone', { ifVersion: 1 }))).toMatchObject({
      status: 200,
      entities: [{ version: 2, data: null }],
    });
    expect(await sync.send(ops.remove('never'))).toMatchObject({
      status: 200,
      entities: [{ version: 0, data: null }],
    });
    expect((await sync.pullAll()).filter(({ id }) => id === 'never')).toEqual([]);
  });

  test('409 insert over other content carries the current row', async () => {
    const { ops } = sync;
    await sync.send(ops.insert('taken', { n: 1 }));
    expect(await sync.send(ops.insert('taken', { n: 2 }))).toMatchObject({
      status: 409,
      entities: [],
      problem: { type: 'urn:holdfast:problem:exists', status: 409, current: { version: 1, data: { n: 1 } } },
    });
  });

  test('412 on another version carries the current row', async () => {
    const { ops } = sync;
    await sync.push([ops.insert('old', { n: 1 }), ops.update('old', { n: 2 })]);
    const current = { version: 2, data: { n: 2 } };
    expect(await sync.send(ops.update('old', { n: 3 }, { ifVersion: 1 }))).toMatchObject({
      status: 412,
      problem: { current },
    });
    expect(await sync.send(ops.remove('old', { ifVersion: 1 }))).toMatchObject({
      status: 412,
      problem: { current },
    });
    expect(await sync.send(ops.update('old', { n: 3 }, { ifVersion: 2 }))).toMatchObject({ status: 200 });
  });

  test('a group is written whole or not at all', async () => {
    const { ops, type } = sync;
    const change = (kind: string, id: string, more: object) => ({ kind, type, id, ...more });
    const refused = await sync.send(
      ops.group([change('insert', 'g1', { data: {} }), change('update', 'g2', { patch: { n: 1 } })]),
    );
    expect(refused).toMatchObject({
      status: 404,
      entities: [],
      problem: { change: 1, entity: { id: 'g2' } },
    });
    expect((await sync.pullAll()).filter(({ id }) => id === 'g1')).toEqual([]);

    const replaced = await sync.send(
      ops.group([
        change('insert', 'g3', { data: { n: 1 } }),
        change('delete', 'g3', {}),
        change('insert', 'g3', { data: { n: 2 } }),
        change('insert', 'g4', { data: {} }),
      ]),
    );
    expect(replaced.entities).toMatchObject([
      { id: 'g3', version: 3, data: { n: 2 } },
      { id: 'g4', version: 1 },
    ]);
  });

  test('ST5 delete and insert of one row in a group replace it: one reply, one step of the feed, one replay', async () => {
    const { ops, type } = sync;
    const remove = (more?: object) => ({ kind: 'delete', type, id: 'replaced', ...more });
    const insert = (n: number, more?: object) => ({
      kind: 'insert',
      type,
      id: 'replaced',
      data: { n },
      ...more,
    });
    await sync.send(ops.insert('replaced', { n: 1, more: true }));
    const { cursor } = await sync.pull(undefined, 1000);

    // both changes were made on version 1
    const replace = ops.group([remove({ ifVersion: 1 }), insert(2, { ifVersion: 1 })]);
    const first = await sync.send(replace);
    expect(first).toMatchObject({ status: 200, replayed: false });
    expect(first.entities).toMatchObject([{ type, id: 'replaced', version: 3, data: { n: 2 } }]);
    expect(await sync.pull(cursor, 1)).toMatchObject({
      changes: [
        { version: 2, data: null, deleted: true, op: replace.op, rev: 0 },
        { version: 3, data: { n: 2 }, deleted: false, op: replace.op, rev: 0 },
      ],
      upToDate: true,
    });
    expect(await sync.send(replace)).toEqual({ ...first, replayed: true });

    // the same content, too, and behind it what was made on the version before
    const again = ops.group([remove({ ifVersion: 3 }), insert(2, { ifVersion: 3 })]);
    const behind = ops.update('replaced', { behind: true }, { ifVersion: 3, after: [again.op] });
    const { results } = await sync.push([again, behind]);
    expect(results.map(({ entities }) => entities.map(({ version }) => version))).toEqual([[5], [6]]);

    const stale = ops.group([remove({ ifVersion: 3 }), insert(3, { ifVersion: 3 })]);
    expect(await sync.send(stale)).toMatchObject({ status: 412, problem: { change: 0 } });
    const bad = ops.group([remove(), { ...insert(4), data: { bad: true } }]);
    expect(await sync.send(bad)).toMatchObject({ status: 422, entities: [], problem: { change: 1 } });
    expect((await sync.pullAll(cursor)).map(({ version }) => version)).toEqual([2, 3, 4, 5, 6]);
  });

  test('ST5 a replace of a row that is not there inserts it', async () => {
    const { ops, type } = sync;
    const replace = (id: string, more?: object): RawOp[] => [
      { kind: 'delete', type, id, ...more },
      { kind: 'insert', type, id, data: { n: 1 }, ...more },
    ];
    const { results } = await sync.push([
      ops.group(replace('unheard-of')),
      ops.insert('deleted', {}),
      ops.remove('deleted'),
      ops.group(replace('deleted')),
      ops.remove('deleted'),
      // made on version 3, which somebody else deleted: an insert that insists on it is refused
      ops.group(replace('deleted', { ifVersion: 3 })),
      ops.group(replace('deleted').map((one) => (one['kind'] === 'delete' ? { ...one, ifVersion: 3 } : one))),
    ]);
    expect(results.map(({ status, entities }) => [status, entities.map((e) => e.version)])).toEqual([
      [200, [1]],
      [200, [1]],
      [200, [2]],
      [200, [3]],
      [200, [4]],
      [412, []],
      [200, [5]],
    ]);
  });

  test.each([
    ['insert, update', 0, ['insert', 'update'], { a: 1, b: 2 }],
    ['insert, delete', 0, ['insert', 'delete'], null],
    ['update, update', 1, ['update', 'touch'], { b: 2, c: 3 }],
    ['update, delete', 1, ['update', 'delete'], null],
    ['delete, insert, update', 1, ['delete', 'insert', 'update'], { a: 1, b: 2 }],
  ] as const)('ST5 %s of one row in a group', async (_name, version, kinds, data) => {
    const { ops, type } = sync;
    const id = `several-${kinds.join('-')}`;
    const changes = {
      insert: { kind: 'insert', data: { a: 1 } },
      update: { kind: 'update', patch: { b: 2 } },
      touch: { kind: 'update', patch: { c: 3 } },
      delete: { kind: 'delete' },
    };
    if (version > 0) await sync.send(ops.insert(id, {}));
    const group = ops.group(kinds.map((kind) => ({ ...changes[kind], type, id, ifVersion: version })));
    const result = await sync.send(group);
    expect(result).toMatchObject({ status: 200 });
    expect(result.entities).toMatchObject([{ type, id, version: version + kinds.length, data }]);
    expect(await sync.send(group)).toEqual({ ...result, replayed: true });
  });

  test('groups over the same rows in opposite order do not deadlock', async () => {
    const { ops, type } = sync;
    await sync.push([ops.insert('d1', {}), ops.insert('d2', {})]);
    const update = (id: string) => ({ kind: 'update', type, id, patch: { n: 1 } });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        sync.send(ops.group(i % 2 ? [update('d1'), update('d2')] : [update('d2'), update('d1')])),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(Array(20).fill(200));
  });

  test('SV1 a command runs once, in the op’s transaction, and its result is replayed', async () => {
    const { ops, type } = sync;
    await sync.push([
      ops.insert('acc1', { paid: 0 }),
      ops.insert('acc2', { paid: 0 }),
      ops.insert('acc3', { locked: true }),
    ]);
    const transfer = ops.command('transfer', { type, from: 'acc1', to: 'acc2', amount: 5 });
    const first = await sync.send(transfer);
    expect(first).toMatchObject({ status: 200, result: { moved: 5 } });
    expect(first.entities.map(({ id, version }) => [id, version])).toEqual([
      ['acc2', 2],
      ['acc1', 2],
    ]);
    expect(await sync.send(transfer)).toEqual({ ...first, replayed: true });

    const refused = ops.command('transfer', { type, from: 'acc3', to: 'acc2', amount: 5 });
    expect(await sync.send(refused)).toMatchObject({
      status: 422,
      problem: { detail: 'The account is locked.' },
    });
    expect(
      await sync.send(ops.command('transfer', { type, from: 'acc1', to: 'nobody', amount: 5 })),
    ).toMatchObject({ status: 404 });
    expect((await sync.pullAll()).filter(({ id }) => id === 'acc2').map(({ version }) => version)).toEqual([
      1, 2,
    ]);
  });

  test('SC1 a bug in a command is answered with 500 and ends the batch: nothing overtakes what will be sent again', async () => {
    const { ops } = sync;
    const { results } = await sync.push([
      ops.command('constructor'),
      ops.command('fails'),
      ops.insert('after-bug', {}),
    ]);
    expect(results.map(({ status }) => status)).toEqual([422, 500]);
    expect(results[0]!.problem?.type).toBe('urn:holdfast:problem:unknown-command');
  });

  test('SV3 403 refuses the op that authorize forbids, and only that; groups are asked per change', async () => {
    const { ops, type } = sync;
    const change = (id: string) => ({ kind: 'insert', type, id, data: {} });
    const { results } = await sync.push([
      ops.insert('allowed1', {}),
      ops.insert('forbidden1', {}),
      ops.group([change('allowed2'), change('forbidden2')]),
      ops.insert('allowed3', {}),
    ]);
    expect(results.map(({ status }) => status)).toEqual([200, 403, 403, 200]);
    expect(results[2]!.problem?.['change']).toBe(1);
  });

  test('424 when an op named in after was not accepted, in this batch or before', async () => {
    const { ops } = sync;
    const refused = ops.update('nothing', {});
    const dependent = ops.insert('dependent', {}, { after: [refused.op] });
    const indirect = ops.insert('indirect', {}, { after: [dependent.op] });
    const accepted = ops.insert('nothing', {});
    const { results } = await sync.push([refused, dependent, indirect, accepted]);
    expect(results.map(({ status }) => status)).toEqual([404, 424, 424, 200]);
    expect(results[1]!.problem?.['missing']).toEqual([refused.op]);
    expect(await sync.send(ops.insert('dependent2', {}, { after: [accepted.op] }))).toMatchObject({
      status: 200,
    });
    const later = await sync.push([refused, dependent, indirect].map((op) => ({ ...op, rev: 1 })));
    expect(later.results.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('an op behind its predecessor may carry the version from before it, also in a later request', async () => {
    const { ops } = sync;
    await sync.send(ops.insert('chain', { n: 0 }));
    const a = ops.update('chain', { a: 1 }, { ifVersion: 1 });
    const b = ops.update('chain', { b: 1 }, { ifVersion: 1, after: [a.op] });
    const c = ops.update('chain', { c: 1 }, { ifVersion: 1, after: [b.op] });
    const alone = ops.update('chain', { x: 1 }, { ifVersion: 1 });
    const { results } = await sync.push([a, b, alone]);
    expect(results.map(({ status }) => status)).toEqual([200, 200, 412]);
    expect(await sync.send(c)).toMatchObject({ status: 200, entities: [{ version: 4 }] });

    const d = ops.update('chain', { d: 1 }, { ifVersion: 1, after: [c.op] });
    await sync.send(ops.update('chain', { theirs: 1 })); // somebody else came between
    expect(await sync.send(d)).toMatchObject({ status: 412, problem: { current: { version: 5 } } });
  });

  test('CF1 of the ops before it the newest write counts, in whatever order they are named', async () => {
    const { ops } = sync;
    await sync.send(ops.insert('named', { n: 0 }));
    const a = ops.update('named', { a: 1 }, { ifVersion: 1 });
    const b = ops.update('named', { b: 1 }, { ifVersion: 1, follows: [a.op] });
    const c = ops.update('named', { c: 1 }, { ifVersion: 1, after: [b.op], follows: [a.op] });
    const { results } = await sync.push([a, b, c]);
    expect(results.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('SV1 atomic: one transaction, all or none; what is rolled back is not recorded', async () => {
    const { ops } = sync;
    const good = ops.insert('atomic1', {});
    const bad = ops.update('atomic2', {});
    const refused = await sync.push([good, bad], { atomic: true });
    expect(refused.results.map(({ status }) => status)).toEqual([424, 404]);
    expect(refused.results[0]!.problem?.type).toBe('urn:holdfast:problem:batch-not-accepted');
    const malformed = await sync.push([good, { op: 'x', rev: 0, kind: 'nonsense' }], { atomic: true });
    expect(malformed.results.map(({ status }) => status)).toEqual([424, 422]);
    const bug = await sync.push([good, ops.command('fails')], { atomic: true });
    expect(bug.results.map(({ status }) => status)).toEqual([424, 500]);
    expect((await sync.pullAll()).filter(({ id }) => id === 'atomic1')).toEqual([]);

    const batch = [good, ops.insert('atomic2', {}), bad, good];
    const done = await sync.push(batch, { atomic: true });
    expect(done.results.map(({ status, replayed }) => [status, replayed])).toEqual([
      [200, false],
      [200, false],
      [200, false],
      [200, true],
    ]);
    const again = await sync.push(batch, { atomic: true });
    expect(again.results.every(({ replayed }) => replayed)).toBe(true);

    const alone = ops.update('atomic3', {});
    const answer = await sync.send(alone);
    const spoilt = await sync.push([ops.insert('atomic3', {}), alone], { atomic: true });
    expect(spoilt.results).toMatchObject([{ status: 424 }, { ...answer, replayed: true }]);
  });

  test('poison in the middle of a batch refuses only itself', async () => {
    const { ops } = sync;
    const { results } = await sync.push([
      ops.insert('p1', {}),
      { op: 'poison', rev: 3, kind: 'insert', type: 'x' },
      'not even an object',
      ops.insert('p2', {}),
    ]);
    expect(results.map(({ op, rev, status }) => [op === 'poison' ? rev : op === null, status])).toEqual([
      [false, 200],
      [3, 422],
      [true, 422],
      [false, 200],
    ]);
  });

  test('the cursor of a push covers its own effects', async () => {
    const { ops } = sync;
    const { cursor } = await sync.push([ops.insert('covered1', {}), ops.insert('covered2', {})]);
    expect((await sync.pull(cursor)).changes).toEqual([]);
    expect((await sync.pullAll()).slice(-2).map(({ id }) => id)).toEqual(['covered1', 'covered2']);
  });

  test('a transient failure in the middle leaves the rest undecided; before anything it is 503', async () => {
    const { ops } = sync;
    const batch = [ops.insert('t1', {}), ops.insert('t2', {}), ops.insert('t3', {})];
    const authenticate = () => ({ subject: 'ada' });
    // the first transaction is the migration, the second all three together, the third the first one alone
    const failing = openServer({ database: failingAt(running.database, 2, 4), authenticate }, sync.scope);
    await failing.server.ready;
    const { results, cursor } = await failing.push(batch);
    expect(results).toMatchObject([{ op: batch[0]!.op, status: 200 }]);
    expect(cursor).toBeDefined();
    await failing.close();

    const down = openServer({ database: failingAt(running.database, 2, 3), authenticate }, sync.scope);
    await down.server.ready;
    const response = await down.post({ client: 'c1', ops: batch });
    expect([
      response.status,
      response.headers.get('Retry-After'),
      response.headers.get('Content-Type'),
    ]).toEqual([503, '1', 'application/problem+json']);
    expect(await response.json()).toMatchObject({
      type: 'urn:holdfast:problem:unavailable',
      retryAfterMs: 1000,
    });
    await down.close();

    const resent = await sync.push(batch);
    expect(resent.results.map(({ status, replayed }) => [status, replayed])).toEqual([
      [200, true],
      [200, false],
      [200, false],
    ]);
  });

  test('SV1 an answer lost after the commit is replayed', async () => {
    const { ops } = sync;
    const deaf = openServer(
      { database: losingAnswers(running.database), authenticate: () => ({ subject: 'ada' }) },
      sync.scope,
    );
    await deaf.server.ready.catch(() => undefined);
    const insert = ops.insert('lost', {});
    expect((await deaf.post({ client: 'c1', ops: [insert] })).status).toBe(503);
    expect(await sync.send(insert)).toMatchObject({
      status: 200,
      replayed: true,
      entities: [{ version: 1 }],
    });
    await deaf.close();
  });
});

/** Every transaction but the first (the migration) says when its work is done, and commits when it may. */
function holdingCommits(database: Database, done: () => void, mayCommit: Promise<void>): Database {
  let count = 0;
  return {
    ...database,
    transaction(work) {
      if (++count === 1) return database.transaction(work);
      return database.transaction(async (tx) => {
        const ending = await work(tx);
        done();
        await mayCommit;
        return ending;
      });
    },
  };
}

/** The n-th transactions fail before they do anything. */
function failingAt(database: Database, ...nth: readonly number[]): Database {
  let count = 0;
  return {
    ...database,
    transaction(work) {
      if (nth.includes(++count))
        return Promise.reject(new DatabaseError('unavailable', new Error('injected')));
      return database.transaction(work);
    },
  };
}

/** Every transaction but the first (the migration) commits, and its answer never arrives. */
function losingAnswers(database: Database): Database {
  let count = 0;
  return {
    ...database,
    async transaction(work) {
      const value = await database.transaction(work);
      if (++count > 1) throw new DatabaseError('unavailable', new Error('connection lost'));
      return value;
    },
  };
}
