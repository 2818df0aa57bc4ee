import { describe, expect, test, vi } from 'vitest';
import type { Change } from '../../src/domain/changes.js';
import { SyncError } from '../../src/domain/errors.js';
import type { OutgoingOp, PullPage, Reply, SealedOp } from '../../src/engine/ports.js';
import { createScriptedServer, type ScriptedServerOptions } from '../../src/testing/scriptedServer.js';

const signal = new AbortController().signal;
const insert = (id: string, fields: object = {}): Change => ({
  kind: 'insert',
  collection: 'todos',
  id,
  row: { id, ...fields },
});
const update = (id: string, patch: object, unset: string[] = []): Change => ({
  kind: 'update',
  collection: 'todos',
  id,
  patch: { ...patch },
  unset,
  previous: {},
});
const remove = (id: string): Change => ({ kind: 'delete', collection: 'todos', id, previous: {} });

function setUp(options?: ScriptedServerOptions) {
  const server = createScriptedServer({ now: () => 5, ...options });
  const seal = (token: string, changes: Change[], rest: Partial<OutgoingOp> = {}): SealedOp => {
    const op = { token, rev: 0, changes, command: undefined, after: [], ...rest };
    return { token, rev: op.rev, body: server.encode(op) };
  };
  const push = (...ops: SealedOp[]): Promise<readonly Reply[]> => server.push(ops, { signal });
  const status = async (...ops: SealedOp[]): Promise<unknown[]> =>
    (await push(...ops)).map((reply) => (reply.kind === 'answer' ? reply.status : reply.kind));
  const pull = async (cursor?: string): Promise<PullPage | string> => {
    const reply = await server.pull({ cursor, signal });
    return reply.kind === 'page' ? reply.page : reply.kind;
  };
  return { server, seal, push, status, pull };
}

describe('scripted server', () => {
  test('SV1 the same op again is the stored reply, without a second effect', async () => {
    const { server, seal, push } = setUp();
    const op = seal('a', [insert('1', { n: 0 })]);
    const first = await push(op, op);
    server.put('todos', '1', { id: '1', n: 9 });
    expect(await push(op)).toEqual([first[0]]);
    expect(first[0]).toMatchObject({
      kind: 'answer',
      status: 200,
      rows: [{ collection: 'todos', id: '1', row: { id: '1', n: 0 }, version: 1 }],
    });
    expect([server.timesApplied('a'), server.journal.length, server.get('todos', '1')]).toEqual([
      1,
      1,
      { id: '1', n: 9 },
    ]);
  });

  test('OB5 the same key with other bytes is a bug of the client, and told so', async () => {
    const { seal, status } = setUp();
    expect(await status(seal('a', [insert('1')]))).toEqual([200]);
    expect(await status(seal('a', [insert('2')]))).toEqual([422]);
    expect(await status(seal('a', [insert('2')], { rev: 1 }))).toEqual([200]);
  });

  test('versions count by one, deletes included; rows change as the protocol says', async () => {
    const { server, seal, push } = setUp();
    const version = async (op: SealedOp): Promise<unknown> => {
      const [reply] = await push(op);
      return reply?.kind === 'answer' && reply.rows[0];
    };
    expect(await version(seal('a', [insert('1', { n: 0, gone: 1 })]))).toMatchObject({ version: 1 });
    expect(await version(seal('b', [update('1', { n: null }, ['gone'])]))).toMatchObject({
      version: 2,
      row: { id: '1', n: null },
    });
    expect(await version(seal('c', [remove('1')]))).toMatchObject({ version: 3, row: undefined });
    expect(await version(seal('d', [remove('1')]))).toMatchObject({ version: 3 });
    expect(await version(seal('e', [insert('1')]))).toMatchObject({ version: 4 });
    expect(await version(seal('f', [remove('never')]))).toMatchObject({ version: 0, row: undefined });
    expect(server.rows('todos')).toEqual(new Map([['1', { id: '1' }]]));
  });

  test('what does not fit is refused, with what is there', async () => {
    const { seal, push, status } = setUp();
    await push(seal('a', [insert('1', { n: 1 })]));
    expect(await status(seal('same', [insert('1', { n: 1 })]))).toEqual([200]);
    expect(await push(seal('b', [insert('1', { n: 2 })]))).toMatchObject([
      { status: 409, problem: { current: { type: 'todos', id: '1', version: 1, data: { n: 1 } } } },
    ]);
    expect(await status(seal('c', [update('2', { n: 1 })]))).toEqual([404]);
    const op = seal('d', [update('1', { n: 3 })]);
    const stale = { ...op, body: op.body.replace('"patch"', '"ifVersion":7,"patch"') };
    expect(await push(stale)).toMatchObject([{ status: 412, problem: { current: { version: 1 } } }]);
  });

  test('CF1 of the ops before it the newest write counts, in whatever order they are named', async () => {
    const { seal, push, status } = setUp();
    await push(seal('1', [insert('1')]));
    const behind = { versions: [1] };
    expect(
      await status(
        seal('a', [update('1', { a: 1 })], behind),
        seal('b', [update('1', { b: 1 })], { ...behind, follows: ['a'] }),
        seal('c', [update('1', { c: 1 })], { ...behind, after: ['b'], follows: ['a'] }),
      ),
    ).toEqual([200, 200, 200]);
  });

  test('ST5 a group is all or nothing, and one step of the feed', async () => {
    const { server, seal, status, pull } = setUp({ pageSize: 1 });
    expect(await status(seal('a', [insert('1'), update('missing', { n: 1 })]))).toEqual([404]);
    expect([server.get('todos', '1'), server.journal.length]).toEqual([undefined, 0]);
    expect(await status(seal('b', [insert('1'), insert('2')]))).toEqual([200]);
    expect(await pull()).toMatchObject({ changes: [{ id: '1' }, { id: '2' }], upToDate: true });
  });

  test('RD4 the feed goes on from its cursor, in commit order, and echoes ops', async () => {
    const { server, seal, push, pull } = setUp({ pageSize: 2 });
    await push(seal('a', [insert('1')]), seal('b', [insert('2')], { rev: 4 }));
    server.put('todos', '3', { id: '3' });
    const first = (await pull()) as PullPage;
    expect(first).toMatchObject({
      changes: [
        { id: '1', op: 'a.0', version: 1 },
        { id: '2', op: 'b.4' },
      ],
      upToDate: false,
    });
    const second = (await pull(first.cursor)) as PullPage;
    expect(second).toMatchObject({ changes: [{ id: '3', op: undefined }], upToDate: true });
    expect(await pull(second.cursor)).toEqual({ changes: [], cursor: second.cursor, upToDate: true });
  });

  test('PL1 an expired cursor asks for everything again, and deleted rows are not told', async () => {
    const { server, seal, push, pull } = setUp();
    await push(seal('a', [insert('1'), insert('2')]), seal('b', [remove('1')]));
    const { cursor } = (await pull()) as PullPage;
    server.expireCursors();
    expect(await pull(cursor)).toBe('resync');
    expect(await pull()).toMatchObject({ changes: [{ id: '2', version: 1 }], upToDate: true });
  });

  test('SC4 an op whose prerequisite was not accepted is refused with 424', async () => {
    const { server, seal, status } = setUp();
    server.refuse((op) => op.op === 'a');
    expect(await status(seal('a', [insert('1')]), seal('b', [insert('2')], { after: ['a'] }))).toEqual([
      422, 424,
    ]);
    expect(await status(seal('c', [insert('3')]), seal('d', [insert('4')], { after: ['c'] }))).toEqual([
      200, 200,
    ]);
  });

  test('SV1 a refusal is recorded, too: a late copy gets it again, and the next rev is judged anew', async () => {
    const { server, seal, push, status } = setUp();
    const early = seal('a', [update('1', { n: 1 })]);
    const dependent = seal('b', [insert('2')], { after: ['a'] });
    const refused = await push(early, dependent);
    expect(refused).toMatchObject([{ status: 404 }, { status: 424 }]);
    const allow = server.refuse((op) => op.op === 'c' && 403);
    expect(await status(seal('c', [insert('3')]))).toEqual([403]);
    allow();
    server.put('todos', '1', { id: '1', n: 0 });
    expect(await push(early, dependent)).toEqual(refused);
    expect(await status(seal('c', [insert('3')]))).toEqual([403]);
    expect(server.journal).toEqual([]);
    expect(await status(seal('a', [update('1', { n: 1 })], { rev: 1 }))).toEqual([200]);
    expect(await status(seal('b', [insert('2')], { rev: 1, after: ['a'] }))).toEqual([200]);
  });

  test.each([401, 408, 425, 426, 429, 500, 503])('%i decides nothing', async (refusal) => {
    const { server, seal, status } = setUp();
    const heal = server.refuse(() => refusal);
    expect(await status(seal('a', [insert('1')]), seal('b', [insert('2')]))).toEqual([refusal, 'omitted']);
    heal();
    expect(await status(seal('a', [insert('1')]))).toEqual([200]);
  });

  test.each([
    [409, 'in-progress'],
    [403, 'wrong-account'],
  ])('%i %s decides nothing', async (code, name) => {
    const { server, seal, status } = setUp();
    const heal = server.refuse(() => ({ status: code, type: `urn:holdfast:problem:${name}` }));
    expect(await status(seal('a', [insert('1')]), seal('b', [insert('2')]))).toEqual([code, 'omitted']);
    heal();
    expect(await status(seal('a', [insert('1')]))).toEqual([200]);
  });

  test('a transient refusal ends the batch; the rest is omitted, and nothing is remembered', async () => {
    const { server, seal, status } = setUp();
    const ops = [seal('a', [insert('1')]), seal('b', [insert('2')]), seal('c', [insert('3')])];
    const heal = server.refuse((op) => op.op === 'b' && { status: 503, retryAfterMs: 5 });
    expect(await status(...ops)).toEqual([200, 503, 'omitted']);
    heal();
    expect(await status(...ops)).toEqual([200, 200, 200]);
    expect(server.journal.map(({ key }) => key)).toEqual(['a.0', 'b.0', 'c.0']);
  });

  test('MU7 commands read and write rows, return a result, and refuse by throwing', async () => {
    const { server, seal, push, status } = setUp({
      commands: {
        add: ({ id, by }: { id: string; by: number }, tx) => {
          const n = Number(tx.get('counters', id)?.['n'] ?? 0) + by;
          if (n < 0) throw new SyncError('REFUSED', 'Below zero.');
          tx.put('counters', id, { id, n });
          return n;
        },
      },
    });
    const add = (token: string, by: number): SealedOp =>
      seal(token, [], { command: { name: 'add', args: { id: 'x', by } } });
    expect(await push(add('a', 2))).toMatchObject([
      { status: 200, result: 2, rows: [{ row: { id: 'x', n: 2 } }] },
    ]);
    expect(await push(add('a', 2))).toMatchObject([{ result: 2 }]);
    expect(await push(add('b', -9))).toMatchObject([{ status: 422, problem: { title: 'Below zero.' } }]);
    expect(await status(seal('c', [], { command: { name: 'constructor', args: null } }))).toEqual([422]);
    expect([server.get('counters', 'x'), server.timesApplied('a')]).toEqual([{ id: 'x', n: 2 }, 1]);
  });

  test('RL1 every commit pokes whoever listens, and nobody after they stopped', async () => {
    const { server, seal, push } = setUp();
    const poke = vi.fn();
    const stop = new AbortController();
    server.changes.listen(poke, stop.signal);
    await push(seal('a', [insert('1')]), seal('b', [update('none', {})]));
    server.put('todos', '1', undefined);
    stop.abort();
    server.put('todos', '2', { id: '2' });
    expect(poke).toHaveBeenCalledTimes(3);
  });

  test('LF3 hostile ids and fields are data', async () => {
    const { server, seal, push } = setUp();
    const row = JSON.parse('{"id":"__proto__","__proto__":{"x":1},"constructor":1}') as Record<
      string,
      unknown
    >;
    await push(seal('a', [{ kind: 'insert', collection: 'constructor', id: '__proto__', row }]));
    await push(
      seal('b', [
        {
          ...update('__proto__', JSON.parse('{"__proto__":2}') as object),
          collection: 'constructor',
        },
      ]),
    );
    expect(JSON.stringify(server.get('constructor', '__proto__'))).toContain('"__proto__":');
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});
