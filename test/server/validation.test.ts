import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSyncServer } from '../../src/server/createSyncServer.js';
import { DatabaseError } from '../../src/server/database.js';
import { databases, fresh, openServer, type TestDatabase, type TestServer } from './harness.js';

const HOSTILE = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  "'; DROP TABLE holdfast.op; --",
  '{"a":1}',
  '../..',
  '%2e',
  '😀',
  ' ',
  '\\',
  '"',
  '$1',
  '{}',
  'NULL',
];
const json = { 'Content-Type': 'application/json' };

describe.each(databases)('validation on $name', ({ start }) => {
  let running: TestDatabase;
  let sync: TestServer;
  beforeAll(async () => {
    running = await start();
    sync = openServer({
      database: running.database,
      limits: { maxBatch: 20, maxBytes: 20_000, maxDepth: 8 },
    });
  });
  afterAll(async () => {
    await sync.close();
    await running.stop();
  });

  test.each(HOSTILE)('SV3 the id, type, field and token %j is data and comes back', async (name) => {
    const type = fresh(name);
    const token = `${name}${fresh('t')}`;
    // JSON.parse, because a literal would set the prototype
    const data: unknown = JSON.parse(
      `{${JSON.stringify(name)}:{${JSON.stringify(name)}:1},"x":${JSON.stringify(name)}}`,
    );
    const patch: unknown = JSON.parse(`{${JSON.stringify(name)}:null}`);
    const { results } = await sync.push([
      { op: token, rev: 0, kind: 'insert', type, id: name, data },
      { op: fresh('op'), rev: 0, kind: 'update', type, id: name, patch: { y: 1 }, after: [token] },
    ]);
    expect(results.map(({ status }) => status)).toEqual([200, 200]);
    const [created, updated] = (await sync.pullAll()).filter((change) => change.type === type);
    expect(JSON.stringify(sorted(created!.data))).toBe(JSON.stringify(sorted(data)));
    expect(Object.keys(updated!.data!)).toEqual(expect.arrayContaining([name, 'x', 'y']));
    await sync.push([{ op: fresh('op'), rev: 0, kind: 'update', type, id: name, patch }]);
    await sync.push([{ op: fresh('op'), rev: 0, kind: 'update', type, id: name, patch: {}, unset: [name] }]);
    const [nulled, unset] = (await sync.pullAll()).filter((change) => change.type === type).slice(-2);
    expect(Object.entries(nulled!.data!)).toContainEqual([name, null]);
    expect(Object.keys(unset!.data!).sort()).toEqual(['x', 'y']);
    expect((await sync.snapshot()).entities.filter((row) => row.type === type)).toMatchObject([
      { id: name, version: 4 },
    ]);
  });

  test('SV3 what jsonb cannot keep is refused with its path, and its neighbours go on', async () => {
    const { ops, type } = sync;
    const { results } = await sync.push([
      ops.insert('nul1', { a: ['x', { b: 'a\0b' }] }),
      ops.insert('nul2', { 'a\0': 1 }),
      ops.insert('nul\0', {}),
      ops.insert('half1', { a: '\ud800' }),
      ops.insert('\udc00', {}),
      ops.insert('fine', { a: '\u0001 \ud83d\ude00' }),
    ]);
    expect(
      results.map(({ status, problem }) => [
        status,
        (problem?.['errors'] as { path: string }[] | undefined)?.[0]?.path,
      ]),
    ).toEqual([
      [422, '/data/a/1/b'],
      [422, '/data/a\0'],
      [422, '/id'],
      [422, '/data/a'],
      [422, '/id'],
      [200, undefined],
    ]);
    const huge = await sync.post(
      `{"client":"c","ops":[{"op":"huge","rev":0,"kind":"insert","type":"${type}","id":"h","data":{"n":1e999}}]}`,
    );
    expect(await huge.json()).toMatchObject({
      results: [{ op: 'huge', status: 422, problem: { errors: [{ path: '/data/n' }] } }],
    });
  });

  test('SV3 versions of mixed types are refused with their path, and write nothing', async () => {
    const { ops, scope } = sync;
    const versions = ['1', 1.5, -1, true, null, 2 ** 53, [1], {}, ' 1 '];
    const { results } = await sync.push([
      ops.insert('versioned', {}),
      ...versions.map((ifVersion) => ops.update('versioned', { wrong: true }, { ifVersion })),
      ...versions.map((rev) => ops.update('versioned', { wrong: true }, { rev })),
      ops.update('versioned', { right: true }, { ifVersion: 1 }),
    ]);
    expect(
      results.map(({ status, problem }) => [
        status,
        (problem?.['errors'] as { path: string }[] | undefined)?.[0]?.path,
      ]),
    ).toEqual([
      [200, undefined],
      ...versions.map(() => [422, '/ifVersion']),
      ...versions.map(() => [422, '/rev']),
      [200, undefined],
    ]);
    expect(results.at(-1)).toMatchObject({ entities: [{ version: 2, data: { right: true } }] });
    // and in the place where a cursor carries one
    for (const since of ['e1.-1', 'e1.1.5', 'e1.01', `e1.${2 ** 53}`, 'e1.1e3', 'e1.true'])
      expect((await sync.request(`changes?scope=${scope}&since=${since}`)).status).toBe(400);
  });

  test('SV3 numbers come back as they were', async () => {
    const data = {
      max: Number.MAX_VALUE,
      min: Number.MIN_VALUE,
      third: 1 / 3,
      int: Number.MAX_SAFE_INTEGER,
      tenth: 0.1,
    };
    expect((await sync.send(sync.ops.insert('numbers', data))).entities[0]?.data).toEqual(data);
    expect((await sync.pullAll()).at(-1)?.data).toEqual(data);
  });

  test('SV3 size, count, depth and length are bounded', async () => {
    const { ops } = sync;
    const body = { client: 'c1', ops: [ops.insert('big', { text: 'x'.repeat(20_000) })] };
    const problemOf = async (response: Response): Promise<unknown> => {
      expect(response.headers.get('Content-Type')).toBe('application/problem+json');
      const { type, status } = (await response.json()) as { type: string; status: number };
      expect(status).toBe(response.status);
      return [status, type.replace('urn:holdfast:problem:', '')];
    };
    expect(await problemOf(await sync.post(body))).toEqual([413, 'body-too-large']);
    // no Content-Length to go by, and a bomb which is small until it is unpacked
    const stream = new Blob([JSON.stringify(body)]).stream();
    expect(
      await problemOf(await sync.post(body, { headers: json, body: stream, duplex: 'half' } as RequestInit)),
    ).toEqual([413, 'body-too-large']);
    const bomb = { headers: { ...json, 'Content-Encoding': 'gzip' }, body: gzipSync(JSON.stringify(body)) };
    expect(await problemOf(await sync.post(body, bomb))).toEqual([413, 'body-too-large']);
    const many = Array.from({ length: 21 }, (_, i) => ops.insert(`many${i}`, {}));
    expect(await problemOf(await sync.post({ client: 'c1', ops: many }))).toEqual([413, 'batch-too-large']);

    const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
    const { results } = await sync.push([
      ops.insert('deep', nested(7) as object),
      ops.insert('deeper', nested(8) as object),
      ops.insert('i'.repeat(257), {}),
      ops.insert('i'.repeat(256), {}),
      { ...ops.insert('t', {}), type: 't'.repeat(129) },
      { ...ops.insert('', {}) },
      { ...ops.insert('a', {}), rev: -1 },
      { ...ops.insert('a', {}), rev: 0.5 },
      { ...ops.insert('a', {}), after: 'x' },
      { ...ops.insert('a', {}), data: [] },
      { ...ops.insert('a', {}), op: 'o'.repeat(257) },
      ops.group([]),
      { ...ops.remove('a'), ifVersion: '1' },
    ]);
    expect(results.map(({ status }) => status)).toEqual([200, 422, 422, 200, ...Array<number>(9).fill(422)]);
    expect(results[10]?.op).toBeNull();
    // deeper than any recursion could follow
    const bottomless = `{"client":"c","ops":[{"op":"x","rev":0,"kind":"insert","type":"t","id":"i","data":{"a":${'['.repeat(9000)}${']'.repeat(9000)}}}]}`;
    expect(await (await sync.post(bottomless)).json()).toMatchObject({ results: [{ op: 'x', status: 422 }] });
  });

  test('a gzip body is read', async () => {
    const body = gzipSync(JSON.stringify({ client: 'c1', ops: [sync.ops.insert('zipped', {})] }));
    const response = await sync.post('', { headers: { ...json, 'Content-Encoding': 'gzip' }, body });
    expect(await response.json()).toMatchObject({ results: [{ status: 200 }] });
  });

  test('400 malformed JSON, 415 other content, 422 malformed envelope, 404 unknown address, 405 other method', async () => {
    const status = async (response: Promise<Response>): Promise<unknown> => {
      const { status, headers } = await response;
      return [status, headers.get('Content-Type')];
    };
    const is = (code: number): unknown => [code, 'application/problem+json'];
    expect(await status(sync.post('{"client":'))).toEqual(is(400));
    expect(await status(sync.post('\xff', { body: new Uint8Array([0xff, 0xfe]) }))).toEqual(is(400));
    expect(
      await status(sync.post('', { headers: { ...json, 'Content-Encoding': 'gzip' }, body: 'not gzip' })),
    ).toEqual(is(400));
    expect(await status(sync.post('{}', { headers: { 'Content-Type': 'text/plain' } }))).toEqual(is(415));
    expect(await status(sync.post('{}', { headers: { ...json, 'Content-Encoding': 'br' } }))).toEqual(
      is(415),
    );
    for (const body of [
      '[]',
      '{}',
      '{"client":"c"}',
      '{"client":"","ops":[]}',
      '{"client":"c","ops":{}}',
      '{"client":"a\\u0000","ops":[]}',
    ])
      expect(await status(sync.post(body))).toEqual(is(422));
    expect(await status(sync.request('nothing'))).toEqual(is(404));
    expect(await status(sync.server.fetch(new Request('http://server.test/elsewhere')))).toEqual(is(404));
    expect(await status(sync.request('ops'))).toEqual(is(405));
    expect(await status(sync.request('changes', { method: 'DELETE' }))).toEqual(is(405));
    expect(await (await sync.post({ client: 'c', ops: [] })).json()).toMatchObject({ results: [] });
  });

  test('401 without a subject, 403 for another account or scope, 426 for another schema', async () => {
    const guarded = openServer({
      database: running.database,
      authenticate: async (request) => {
        const subject = request.headers.get('Authorization');
        return subject === null ? undefined : { subject };
      },
      authorizeScope: (scope, { subject }) => scope === subject,
      schema: { min: 3, max: 4 },
      basePath: '/sync',
    });
    const ada = { headers: { ...json, Authorization: 'ada' } };
    for (const path of ['changes', 'snapshot', 'stream']) {
      expect((await guarded.request(path)).status).toBe(401);
      expect((await guarded.request(`${path}?scope=bob`, ada)).status).toBe(403);
    }
    expect((await guarded.request('changes?scope=ada', ada)).status).toBe(200);
    const body = { client: 'c', ops: [] };
    const unknown = await guarded.post(body);
    expect([unknown.status, unknown.headers.has('WWW-Authenticate')]).toEqual([401, true]);
    const statuses = [
      (await guarded.post({ ...body, account: 'bob' }, ada)).status,
      (await guarded.post({ ...body, account: 'ada' }, ada)).status,
      (await guarded.post({ ...body, schema: 5 }, ada)).status,
      (await guarded.post({ ...body, schema: 4 }, ada)).status,
    ];
    expect(statuses).toEqual([403, 200, 426, 200]);
    await guarded.close();
  });

  test('capabilities are open to everybody', async () => {
    const open = openServer({ database: running.database, authenticate: () => undefined });
    expect(await (await open.request('capabilities')).json()).toEqual({
      schema: null,
      maxBatch: 500,
      maxBytes: 1024 * 1024,
      maxPage: 1000,
      gzip: true,
      idempotencyRetentionSec: 30 * 24 * 3600,
      tombstoneRetentionSec: 30 * 24 * 3600,
      serverTime: expect.any(String) as unknown,
      epoch: expect.stringMatching(/^[0-9a-f]{12}$/) as unknown,
    });
    await open.close();
  });

  test('pages of another origin see the headers they need', async () => {
    const open = openServer({
      database: running.database,
      cors: { origin: 'https://app.test' },
      authenticate: () => undefined,
    });
    const response = await open.request('changes', { headers: { Origin: 'https://app.test' } });
    expect(response.status).toBe(401);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.test');
    const exposed = response.headers.get('Access-Control-Expose-Headers')?.split(/,\s*/);
    expect(exposed).toEqual(
      expect.arrayContaining([
        'ETag',
        'Retry-After',
        'Date',
        'Idempotency-Replayed',
        'Location',
        'RateLimit',
        'RateLimit-Policy',
        'RateLimit-Remaining',
        'X-RateLimit-Reset',
      ]),
    );
    const preflight = await open.request('ops', {
      method: 'OPTIONS',
      headers: { Origin: 'https://app.test', 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    await open.close();
  });

  test('RT2 every 503 says how long to wait, in a header that other origins may read and in the body', async () => {
    let away = false;
    const unavailable = <T>(work: () => Promise<T>): Promise<T> =>
      away ? Promise.reject(new DatabaseError('unavailable', new Error('injected'))) : work();
    const { database } = running;
    const shaky = openServer({
      database: {
        ...database,
        query: (text, values) => unavailable(() => database.query(text, values)),
        transaction: (work) => unavailable(() => database.transaction(work)),
      },
      cors: { origin: 'https://app.test' },
    });
    await shaky.server.ready;
    const headers = { ...json, Origin: 'https://app.test' };
    const post = (): Promise<Response> =>
      shaky.post({ client: 'c1', ops: [shaky.ops.insert('a', {})] }, { headers });
    const pull = (path: string): Promise<Response> => shaky.request(path, { headers });
    const { cursor } = await shaky.pull();
    const ahead = `${cursor.slice(0, cursor.indexOf('.'))}.99`;
    const lagging = await pull(`changes?atLeast=${ahead}`);
    away = true;
    const answers = [lagging, await post(), await pull('changes'), await pull('snapshot')];
    await shaky.close();
    answers.push(await post(), await pull('capabilities'));
    for (const response of answers) {
      const allowed = response.headers.get('Access-Control-Allow-Origin');
      expect([response.status, response.headers.get('Retry-After'), allowed]).toEqual([
        503,
        '1',
        'https://app.test',
      ]);
      expect(response.headers.get('Access-Control-Expose-Headers')).toContain('Retry-After');
      expect(await response.json()).toMatchObject({ status: 503, retryAfterMs: 1000 });
    }
  });

  test('a limit out of range is refused at the door', () => {
    expect(() => createSyncServer({ database: running.database, limits: { maxBatch: 0 } })).toThrow(
      'limits.maxBatch must be a whole number from 1 to 10000; received 0',
    );
  });
});

function sorted(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([k, v]) => [k, sorted(v)])
    : value;
}
