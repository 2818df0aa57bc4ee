import { afterEach, describe, expect, test, vi } from 'vitest';
import { restTransport, type RestTransportOptions } from '../../src/adapters/restTransport.js';
import type { Change } from '../../src/domain/changes.js';
import type { Row, Version } from '../../src/domain/entity.js';
import { SyncError } from '../../src/domain/errors.js';
import type { OutgoingOp, Reply } from '../../src/engine/ports.js';

afterEach(() => {
  vi.useRealTimers();
});

const idle = new AbortController().signal;
const row = { id: 'a', title: 'A' };
const inserted: Change = { kind: 'insert', collection: 'todos', id: 'a', row };
const updated: Change = {
  kind: 'update',
  collection: 'todos',
  id: 'a',
  patch: { title: 'B' },
  unset: [],
  previous: { title: 'A' },
};
const deleted: Change = { kind: 'delete', collection: 'todos', id: 'a', previous: row };

interface Op {
  readonly change?: Change;
  readonly version?: Version | undefined;
  readonly after?: Row;
}
function outgoing({ change = updated, version, after = { id: 'a', title: 'B' } }: Op = {}): OutgoingOp {
  return {
    token: 't',
    rev: 2,
    changes: [change],
    versions: [version],
    rows: [change.kind === 'insert' ? change.row : change.kind === 'delete' ? undefined : after],
    command: undefined,
    after: [],
  };
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers });
const problem = (status: number, members: object = {}): Response =>
  json({ type: 'urn:x', ...members }, status, { 'content-type': 'application/problem+json' });
const empty = (status: number, headers: Record<string, string> = {}): Response =>
  new Response(null, { status, headers });
const html = (status: number): Response =>
  new Response('<!doctype html><title>Sign in</title>', { status, headers: { 'content-type': 'text/html' } });
const never = (): Promise<Response> => new Promise(() => undefined);

interface Call {
  readonly line: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
  readonly init: RequestInit;
}

/** A transport over scripted answers; the last one repeats. */
function over(
  answers: readonly (() => Response | Promise<Response>)[],
  options: Partial<RestTransportOptions> = {},
) {
  const calls: Call[] = [];
  const fetch = async (url: unknown, init: RequestInit = {}): Promise<Response> => {
    const body = init.body as string | undefined;
    calls.push({
      line: `${init.method ?? 'GET'} ${String(url)}`,
      headers: init.headers as Record<string, string>,
      body: body === undefined ? undefined : JSON.parse(body),
      init,
    });
    return answers[Math.min(calls.length, answers.length) - 1]!();
  };
  const transport = restTransport({ url: '/api/', fetch, ...options });
  const send = async (op: Op | OutgoingOp = {}, resent = false): Promise<Reply> => {
    const out = 'changes' in op ? op : outgoing(op);
    const body = transport.encode(out);
    const [reply] = await transport.push([{ token: out.token, rev: out.rev, body, resent }], {
      signal: idle,
    });
    return reply!;
  };
  const lines = (): string[] => calls.map(({ line }) => line);
  return { transport, calls, lines, send };
}

/** What would be sent. */
async function requestOf(op: Op | OutgoingOp, options: Partial<RestTransportOptions> = {}): Promise<Call> {
  const { send, calls } = over([() => empty(204)], options);
  await send(op);
  return calls[0]!;
}
const todos = (resource: NonNullable<RestTransportOptions['resources']>[string]) => ({
  resources: { todos: resource },
});
const UNEXPECTED = { kind: 'failure', failure: 'unexpected', cause: { code: 'UNEXPECTED_RESPONSE' } };

describe('requests', () => {
  test('a change is a request on an ordinary URL', async () => {
    expect(await requestOf({ change: inserted })).toMatchObject({ line: 'POST /api/todos', body: row });
    expect(await requestOf({})).toMatchObject({ line: 'PATCH /api/todos/a', body: { title: 'B' } });
    expect(await requestOf({ change: deleted })).toMatchObject({
      line: 'DELETE /api/todos/a',
      body: undefined,
    });
  });

  test('OB5 the key is the same at every attempt, and so are the bytes', async () => {
    const { transport, calls } = over([() => problem(503)]);
    const body = transport.encode(outgoing());
    const again = { token: 't', rev: 2, body };
    for (const resent of [false, true, true]) await transport.push([{ ...again, resent }], { signal: idle });
    expect(calls.map(({ headers }) => headers['Idempotency-Key'])).toEqual(['"t.2"', '"t.2"', '"t.2"']);
    expect(new Set(calls.map(({ init }) => init.body)).size).toBe(1);
  });

  test('OB5 the bytes outlive a change of options', async () => {
    const body = over([]).transport.encode(outgoing());
    const later = over([() => empty(204)], { url: '/v2', ...todos({ path: '/tasks', update: 'PUT' }) });
    await later.transport.push([{ token: 't', rev: 2, body, resent: true }], { signal: idle });
    expect(later.calls).toMatchObject([{ line: 'PATCH /v2/todos/a', body: { title: 'B' } }]);
  });

  test('the key goes in any header, or in none', async () => {
    const named = await requestOf({}, { idempotencyHeader: 'X-Request-Id' });
    expect(named.headers).toMatchObject({ 'X-Request-Id': '"t.2"' });
    const none = await requestOf({}, { idempotencyHeader: false });
    expect(Object.keys(none.headers)).toEqual(['accept', 'content-type']);
  });

  test.each([
    [17, '"17"'],
    ['"abc"', '"abc"'],
    ['2026-01-01T00:00:00Z', '"2026-01-01T00:00:00Z"'],
    [0, '"0"'],
  ])('CF1 version %o goes as If-Match: %s', async (version, tag) => {
    for (const change of [updated, deleted])
      expect((await requestOf({ change, version })).headers['if-match']).toBe(tag);
  });

  test('CF1 a version that no entity tag can carry is refused rather than ignored', () => {
    const { transport } = over([]);
    for (const version of ['W/"17"', 'a"b', 'ü', ''])
      expect(() => transport.encode(outgoing({ version }))).toThrow(/cannot be an entity tag/);
  });

  test('create: PUT names the row itself, and only makes new ones', async () => {
    expect(await requestOf({ change: inserted }, todos({ create: 'PUT' }))).toMatchObject({
      line: 'PUT /api/todos/a',
      headers: { 'if-none-match': '*', 'content-type': 'application/json' },
      body: row,
    });
  });

  test('update: PUT sends the whole row', async () => {
    const after = { id: 'a', title: 'B', done: true };
    expect(await requestOf({ after, version: 3 }, todos({ update: 'PUT' }))).toMatchObject({
      line: 'PUT /api/todos/a',
      headers: { 'if-match': '"3"', 'content-type': 'application/json' },
      body: after,
    });
  });

  test('CO1 a delete and an insert of one row are one PUT', async () => {
    const op = { ...outgoing({ version: 3 }), changes: [deleted, inserted], versions: [3, 3] };
    expect(await requestOf(op)).toMatchObject({
      line: 'PUT /api/todos/a',
      headers: { 'if-match': '"3"' },
      body: row,
    });
  });

  test('an op without changes needs no request', async () => {
    const { send, calls } = over([() => html(500)]);
    expect(await send({ ...outgoing(), changes: [] })).toMatchObject({ status: 204, rows: [] });
    expect(calls).toEqual([]);
  });

  test('ST5 several rows are refused, for two requests are not all or nothing', () => {
    const { transport } = over([]);
    const changes = [updated, { ...updated, id: 'b' }];
    expect(() => transport.encode({ ...outgoing(), changes })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTIONS',
        message: expect.stringMatching(
          /changes todos\/a, todos\/b.*mutationFn.*command.*httpTransport/,
        ) as string,
      }) as Error,
    );
    const others = { ...outgoing(), changes: [deleted, { ...inserted, id: 'b' }] };
    expect(() => transport.encode(others)).toThrow(/one request changes one row/);
    const turned = { ...outgoing(), changes: [inserted, deleted] };
    expect(() => transport.encode(turned)).toThrow(/one request changes one row/);
  });

  test('a command is the request that the app says', async () => {
    const commands = {
      close: ({ id, by }: { id: string; by: string }) => ({ path: ['visits', id, 'close'], body: { by } }),
      ping: () => ({ method: 'PUT', path: ['ping'] }),
    };
    const op = (name: string, args: unknown): OutgoingOp => ({ ...outgoing(), command: { name, args } });
    expect(await requestOf(op('close', { id: 'x/y', by: 'me' }), { commands })).toMatchObject({
      line: 'POST /api/visits/x%2Fy/close',
      headers: { 'Idempotency-Key': '"t.2"' },
      body: { by: 'me' },
    });
    expect(await requestOf(op('ping', undefined), { commands })).toMatchObject({
      line: 'PUT /api/ping',
      body: undefined,
    });
    const { transport } = over([], { commands });
    for (const name of ['open', 'toString', '__proto__'])
      expect(() => transport.encode(op(name, {}))).toThrow(/has no request/);
    const { send } = over([() => json({ closed: true })], { commands });
    expect(await send(op('close', { id: 'x', by: 'me' }))).toMatchObject({
      status: 200,
      result: { closed: true },
    });
  });

  test('LF2 no credential is in what is stored', async () => {
    const auth = { headers: () => ({ authorization: 'Bearer secret' }) };
    const { transport, send, calls } = over([() => empty(204)], { auth });
    await send();
    expect(calls[0]!.headers).toMatchObject({ authorization: 'Bearer secret' });
    expect(transport.encode(outgoing())).not.toContain('secret');
  });
});

describe('bodies', () => {
  const change = (patch: Row, previous: Row, unset: string[] = []): Change => ({
    kind: 'update',
    collection: 'todos',
    id: 'a',
    patch,
    previous,
    unset,
  });
  const nested = change({ at: { x: 1, z: { p: null } } }, { at: { x: 1, y: 2 }, gone: 1 }, ['gone']);

  test('CF6 a merge patch says of nested objects what changed, and null for what is removed', async () => {
    expect(await requestOf({ change: nested })).toMatchObject({
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { at: { y: null, z: { p: null } }, gone: null },
    });
  });

  test('CF6 a PATCH of another type says changed fields as a whole', async () => {
    expect(await requestOf({ change: nested }, todos({ contentType: 'application/json' }))).toMatchObject({
      headers: { 'content-type': 'application/json' },
      body: { at: { x: 1, z: { p: null } }, gone: null },
    });
  });

  test('CF6 falsy values are sent', async () => {
    const falsy = { a: 0, b: '', c: false, d: null };
    const { body } = await requestOf({ change: change(falsy, { a: 1, b: 1, c: 1, d: 1 }) });
    expect(body).toEqual(falsy);
  });

  test('a content type that was said holds for rows too, except that of a merge patch', async () => {
    const type = async (contentType: string) =>
      (await requestOf({ change: inserted }, todos({ contentType }))).headers['content-type'];
    expect(await type('application/vnd.api+json')).toBe('application/vnd.api+json');
    expect(await type('application/merge-patch+json')).toBe('application/json');
  });

  test('toBody maps rows, and the fields of a patch', async () => {
    const options = todos({
      toBody: ({ title, at }: { title?: string; at?: object }, { kind }: Change) => ({
        data: { name: title, place: at, kind },
      }),
    });
    expect((await requestOf({ change: inserted }, options)).body).toEqual({
      data: { name: 'A', kind: 'insert' },
    });
    expect((await requestOf({}, options)).body).toEqual({ data: { name: 'B' } });
    const { body } = await requestOf({ change: change({ at: { x: 2 } }, { at: { x: 1, y: 1 } }) }, options);
    expect(body).toEqual({ data: { place: { x: 2, y: null } } });
  });

  test('OB6 what JSON would alter is refused with its path', () => {
    const { transport } = over([]);
    for (const bad of [
      change({ when: new Date(0) }, {}),
      change({ when: new Date(1) }, { when: new Date(0) }),
    ])
      expect(() => transport.encode(outgoing({ change: bad }))).toThrow(
        expect.objectContaining({ code: 'NOT_SERIALIZABLE', details: { path: 'when' } }) as Error,
      );
  });

  test('LF3 hostile field names travel as data', async () => {
    const hostile = JSON.parse('{"__proto__":{"x":1},"constructor":2,"toString":null}') as Row;
    for (const one of [change(hostile, {}), { ...inserted, row: hostile }])
      expect((await requestOf({ change: one })).init.body).toBe(JSON.stringify(hostile));
  });
});

describe('paths', () => {
  const at = (id: string): Op => ({ change: { ...deleted, id } });

  test.each([
    ['../x', '..%2Fx'],
    ['a/b?c#d', 'a%2Fb%3Fc%23d'],
    ['__proto__', '__proto__'],
    ['%2e%2e', '%252e%252e'],
    ['ü 😀', '%C3%BC%20%F0%9F%98%80'],
    ['...', '...'],
    ['a\r\nx: y', 'a%0D%0Ax%3A%20y'],
  ])('LF3 the id %o is one segment', async (id, segment) => {
    const { line } = await requestOf(at(id));
    expect(line).toBe(`DELETE /api/todos/${segment}`);
    const { pathname, search, hash } = new URL(line.slice(7), 'http://x');
    expect([pathname, search, hash]).toEqual([`/api/todos/${segment}`, '', '']);
  });

  test.each(['.', '..', '\ud800'])('LF3 the id %o has no URL, so it is refused before it is sent', (id) => {
    const { transport } = over([]);
    for (const change of [deleted, inserted, updated])
      expect(() => transport.encode(outgoing({ change: { ...change, id } }))).toThrow(
        expect.objectContaining({ code: 'INVALID_ID' }) as Error,
      );
  });

  test.each([
    ['tasks', 'DELETE /api/tasks/a'],
    ['/v1/tasks/', 'DELETE /api/v1/tasks/a'],
    ['/', 'DELETE /api/a'],
  ])('path %o is where all rows are', async (path, line) => {
    expect((await requestOf({ change: deleted }, todos({ path }))).line).toBe(line);
  });

  test('path may be a function, which gets the row as the server has it', async () => {
    const options = todos({
      path: (id, { list }: { list?: string }) => (id === undefined ? ['lists', list!, 'todos'] : [list!, id]),
    });
    const moved: Change = { ...updated, patch: { list: 'l2' }, previous: { list: 'l/1' } };
    const line = async (op: Op) => (await requestOf(op, options)).line;
    expect(await line({ change: { ...inserted, row: { ...row, list: 'l/1' } } })).toBe(
      'POST /api/lists/l%2F1/todos',
    );
    expect(await line({ change: moved, after: { ...row, list: 'l2' } })).toBe('PATCH /api/l%2F1/a');
    expect(await line({ after: { ...row, list: 'l2' } })).toBe('PATCH /api/l2/a');
    expect(await line({ change: { ...deleted, previous: { ...row, list: 'l2' } } })).toBe('DELETE /api/l2/a');
  });

  test('LF3 a segment that is missing, and a path that is text, are refused', () => {
    const encode = (path: (id: string | undefined) => never) =>
      over([], todos({ path })).transport.encode(outgoing());
    expect(() => encode(() => ['lists', undefined, 'x'] as never)).toThrow(/undefined cannot be a segment/);
    expect(() => encode((id) => `/todos/${id}` as never)).toThrow(/must return segments/);
  });

  test('LF3 hostile names of collections', async () => {
    for (const collection of ['__proto__', 'constructor'])
      expect((await requestOf({ change: { ...deleted, collection } })).line).toBe(
        `DELETE /api/${collection}/a`,
      );
    const { transport } = over([]);
    expect(() => transport.encode(outgoing({ change: { ...deleted, collection: '..' } }))).toThrow(
      /segment of a URL/,
    );
  });
});

describe('answers', () => {
  test('RT1 a row in the answer is the row on the server', async () => {
    const { send } = over([() => json({ id: 'a', title: 'B!', done: false }, 200, { etag: '"18"' })]);
    expect(await send()).toEqual({
      kind: 'answer',
      status: 200,
      rows: [{ collection: 'todos', id: 'a', row: { id: 'a', title: 'B!', done: false }, version: '"18"' }],
      result: { id: 'a', title: 'B!', done: false },
    });
  });

  test.each([
    ['204', () => empty(204)],
    ['200 without a body', () => empty(200)],
    ['JSON that is no row', () => json({ ok: true })],
    ['202 with a job', () => json({ id: 'job-1' }, 202)],
  ])('RT1 %s is an acceptance without rows', async (_, answer) => {
    expect(await over([answer]).send()).toMatchObject({ kind: 'answer', rows: [] });
  });

  test.each([
    ['a login page with status 200', () => html(200), /200 \(text\/html, "<!doctype html>/],
    ['text', () => new Response('OK'), /it is not JSON/],
    [
      'malformed JSON',
      () => new Response('{"id"', { headers: { 'content-type': 'application/json' } }),
      /not JSON/,
    ],
    ['another row', () => json({ id: 'b', title: 'B' }), /about another row/],
    ['a redirect', () => empty(302, { location: '/login' }), /elsewhere/],
    ['an opaque answer', () => Response.error(), /answered 0/],
    ['a number for an id that lost digits', () => json({ id: 2 ** 60 }), /cannot be read as a row/],
  ])('RT1 %s is an unknown outcome, and the error names what came', async (_, answer, message) => {
    const { send, calls } = over([answer]);
    const reply = await send();
    expect(reply).toMatchObject(UNEXPECTED);
    expect((reply as { cause: SyncError }).cause.message).toMatch(message);
    expect(calls[0]!.init).toMatchObject({ redirect: 'manual', cache: 'no-store' });
  });

  test.each([403, 404, 405, 410])(
    'RT1 a page with status %i refuses nothing and deletes nothing',
    async (status) => {
      expect(await over([() => html(status)]).send({ change: deleted })).toMatchObject(UNEXPECTED);
      const { send } = over([() => new Response('Not Found', { status })]);
      expect(await send({ change: deleted })).toMatchObject({ kind: 'answer', status });
    },
  );

  test.each([401, 408, 413, 422, 425, 426, 429, 500, 503])(
    'RT1 status %i is passed on, with its reasons',
    async (status) => {
      const headers = { 'content-type': 'application/problem+json', 'retry-after': '7' };
      const { send } = over([() => json({ title: 'No' }, status, headers)]);
      expect(await send()).toMatchObject({
        kind: 'answer',
        status,
        problem: { title: 'No' },
        retryAfterMs: 7000,
      });
      expect(await over([() => html(status)]).send()).toMatchObject({ kind: 'answer', status });
    },
  );

  test('RT1 no answer is a network failure, whatever its words', async () => {
    for (const error of [new TypeError('Failed to fetch'), new Error('404')])
      expect(await over([() => Promise.reject(error)]).send()).toMatchObject({
        kind: 'failure',
        failure: 'network',
      });
  });

  test('RT1 one op that fails leaves the others of its push alone', async () => {
    const { transport } = over([
      () => Promise.reject(new TypeError('x')),
      () => empty(204),
      () => problem(422),
    ]);
    const body = transport.encode(outgoing());
    const ops = ['1', '2', '3'].map((token) => ({ token, rev: 0, body, resent: false }));
    expect(await transport.push(ops, { signal: idle })).toMatchObject([
      { failure: 'network' },
      { status: 204 },
      { status: 422 },
    ]);
  });

  test('fromBody, idOf and versionOf read any shape', async () => {
    const options = todos({
      idOf: ({ data }: { data: { _id: string } }) => data._id,
      fromBody: ({ data: { _id: id, name: title } }: { data: { _id: string; name: string } }) => ({
        id,
        title,
      }),
      versionOf: ({ data }: { data: { rev: number } }) => data.rev,
    });
    const { send } = over([() => json({ data: { _id: 'a', name: 'B', rev: 4 } })], options);
    expect(await send()).toMatchObject({ rows: [{ id: 'a', row: { id: 'a', title: 'B' }, version: 4 }] });
    const lost = over([() => json({ oops: 1 })], options);
    expect(await lost.send()).toMatchObject({
      ...UNEXPECTED,
      cause: { cause: expect.any(TypeError) as Error },
    });
  });

  test.each([
    ['W/"18"', undefined],
    ['"18"', '"18"'],
    ['18', undefined],
  ])('CF1 of the ETag %s the version is %o: a weak one guards no write', async (etag, version) => {
    const { send } = over([() => json({ id: 'a', title: 'B' }, 200, { etag })]);
    expect(await send()).toMatchObject({ rows: [{ version }] });
  });

  const noon = Date.UTC(2026, 10, 28, 12);
  test.each([
    ['2026-11-28T12:00:00.000Z', noon],
    ['2026-11-28T12:00:00Z', noon + 999],
    [noon, noon],
    ['yesterday', undefined],
    [null, undefined],
    [{ at: noon }, undefined],
  ])('CF2 of the write time %o is %o believed', async (updatedAt, at) => {
    const options = todos({ timeOf: (body: { updatedAt: string }) => body.updatedAt });
    const { send } = over([() => json({ id: 'a', title: 'B', updatedAt })], options);
    const reply = (await send()) as Extract<Reply, { kind: 'answer' }>;
    expect(reply.rows[0]?.at).toBe(at);
  });

  test('CF2 by default a row was written in the second of Last-Modified', async () => {
    const headers = { 'last-modified': 'Sat, 28 Nov 2026 12:00:00 GMT' };
    const { send } = over([() => json({ id: 'a', title: 'B' }, 200, headers)]);
    expect(await send()).toMatchObject({ rows: [{ at: noon + 999 }] });
  });

  test('CF1 a version that could guard nothing counts as none', async () => {
    for (const version of ['a"b', '', null, {}]) {
      const { send } = over([() => json({ id: 'a' })], todos({ versionOf: () => version as string }));
      expect(await send()).toMatchObject({ rows: [{ version: undefined }] });
    }
  });

  test('RT1 a PATCH that a server ignored, because it does not know its type, is refused', async () => {
    const unchanged = () => json({ id: 'a', title: 'A' });
    expect(await over([unchanged]).send()).toMatchObject({
      status: 415,
      problem: { detail: expect.stringContaining('application/merge-patch+json') as string },
      rows: [{ row: { title: 'A' } }],
    });
    const { send } = over([unchanged], todos({ contentType: 'application/merge-patch+json' }));
    expect(await send()).toMatchObject({ status: 200 });
  });

  test('OB5 what another transport sealed is refused, not guessed at', async () => {
    const { transport, calls } = over([() => empty(204)]);
    for (const body of ['{"op":"t","rev":0,"kind":"delete","type":"todos","id":"a"}', 'x', 'null'])
      expect(await transport.push([{ token: 't', rev: 0, body }], { signal: idle })).toMatchObject([
        { status: 400 },
      ]);
    expect(calls).toEqual([]);
  });
});

describe('creating', () => {
  const create: Op = { change: inserted };

  test('ID1 an id that the server gave comes with the row', async () => {
    const { send } = over([() => json({ id: 0, title: 'A' }, 201)]);
    expect(await send(create)).toEqual({
      kind: 'answer',
      status: 201,
      rows: [{ collection: 'todos', id: '0', row: { id: '0', title: 'A' }, version: undefined }],
      ids: [{ collection: 'todos', from: 'a', to: '0' }],
      result: { id: '0', title: 'A' },
    });
  });

  test.each([
    ['/todos/7', '7'],
    ['https://x/api/todos/x%2Fy/?a=1', 'x/y'],
    ['../todos/7', '7'],
  ])('ID1 Location: %s names the row where the body does not', async (location, to) => {
    const expected = { rows: [], ids: [{ collection: 'todos', from: 'a', to }] };
    expect(await over([() => empty(201, { location })]).send(create)).toMatchObject(expected);
    const created = () => new Response('Created', { status: 201, headers: { location } });
    expect(await over([created]).send(create)).toMatchObject(expected);
  });

  test('RT1 201 and 204 are believed without a body; 200 is not', async () => {
    for (const status of [201, 204, 202]) {
      const reply = await over([() => empty(status)]).send(create);
      expect(reply).toEqual({ kind: 'answer', status, rows: [] });
    }
    const job = await over([() => json({ id: 'job-1' }, 202, { location: '/jobs/1' })]).send(create);
    expect(job).toEqual({ kind: 'answer', status: 202, rows: [] });
    expect(await over([() => empty(200)]).send(create)).toMatchObject(UNEXPECTED);
    expect(await over([() => json('done')]).send(create)).toMatchObject(UNEXPECTED);
    expect(await over([() => html(200)]).send(create)).toMatchObject(UNEXPECTED);
  });

  test('RT1 a PUT is answered with the row it names', async () => {
    const { send } = over([() => json({ id: 'b' }, 201)], todos({ create: 'PUT' }));
    expect(await send(create)).toMatchObject(UNEXPECTED);
  });

  test('RT1 without keys and ids, what cannot be read is not created over and over', async () => {
    const { send } = over([() => json({ id: 2 ** 60 }, 201)], { safety: 'none' });
    expect(await send(create)).toMatchObject({ kind: 'answer', status: 201, rows: [] });
    expect(await over([() => html(200)], { safety: 'none' }).send(create)).toMatchObject(UNEXPECTED);
  });

  describe('when an earlier answer may have been lost', () => {
    test('RT3 the row is looked for by its id, and found', async () => {
      const { send, lines } = over([() => json({ ...row, rank: 1 }, 200, { etag: '"1"' })]);
      expect(await send(create, true)).toMatchObject({
        status: 200,
        rows: [{ id: 'a', row: { rank: 1 }, version: '"1"' }],
      });
      expect(lines()).toEqual(['GET /api/todos/a']);
    });

    test.each([
      ['404', () => problem(404)],
      ['403', () => problem(403)],
      ['JSON that is no row', () => json([])],
      ['another row', () => json({ id: 'b' })],
    ])('RT3 %s: it is created', async (_, answer) => {
      const { send, lines } = over([answer, () => json(row, 201)]);
      expect(await send(create, true)).toMatchObject({ status: 201 });
      expect(lines()).toEqual(['GET /api/todos/a', 'POST /api/todos']);
    });

    test.each([
      ['503', () => problem(503), { status: 503 }],
      ['401', () => problem(401), { status: 401 }],
      ['a login page', () => html(200), UNEXPECTED],
      ['no network', () => Promise.reject(new TypeError('x')), { failure: 'network' }],
    ])('RT3 %s: it stays undecided, and nothing is created', async (_, answer, expected) => {
      const { send, lines } = over([answer]);
      expect(await send(create, true)).toMatchObject(expected);
      expect(lines()).toEqual(['GET /api/todos/a']);
    });

    test('RT3 not known whether it was sent before counts as sent', async () => {
      const { transport, lines } = over([() => json(row)]);
      await transport.push([{ token: 't', rev: 2, body: transport.encode(outgoing(create)) }], {
        signal: idle,
      });
      expect(lines()).toEqual(['GET /api/todos/a']);
    });

    test.each(['idempotency-key', 'none'] as const)('RT3 with %s it is sent again', async (safety) => {
      const { send, lines } = over([() => json(row, 201)], { safety });
      await send(create, true);
      expect(lines()).toEqual(['POST /api/todos']);
    });

    test('RT3 findCreated finds a row by what was sent', async () => {
      const options = todos({
        safety: 'none',
        toBody: ({ id: ref, title }: { id?: string | null; title?: string | null }) => ({ ref, title }),
        findCreated: async ({ ref }: { ref: string }, get) => {
          const list = (await get(['todos'], { ref })) as unknown[] | undefined;
          return list?.[0];
        },
      });
      const { send, lines } = over([() => json([{ id: 7, ref: 'x&y' }])], options);
      expect(
        await send({ change: { ...inserted, id: 'x&y', row: { id: 'x&y', title: 'A' } } }, true),
      ).toMatchObject({
        rows: [{ id: '7' }],
        ids: [{ from: 'x&y', to: '7' }],
      });
      expect(lines()).toEqual(['GET /api/todos?ref=x%26y']);
      for (const nothing of [() => json([]), () => problem(404)]) {
        const again = over([nothing, () => json({ id: 8 }, 201)], options);
        expect(await again.send(create, true)).toMatchObject({ status: 201 });
        expect(again.lines()).toEqual(['GET /api/todos?ref=a', 'POST /api/todos']);
      }
      const busy = over([() => json({}, 503, { 'retry-after': '3' })], options);
      expect(await busy.send(create, true)).toMatchObject({ status: 503, retryAfterMs: 3000 });
      const offline = over([() => Promise.reject(new TypeError('x'))], options);
      expect(await offline.send(create, true)).toMatchObject({ failure: 'network' });
      const mistaken = over(
        [() => json(null)],
        todos({ findCreated: async () => Promise.reject(new TypeError('x')) }),
      );
      expect(await mistaken.send(create, true)).toMatchObject({
        ...UNEXPECTED,
        cause: { cause: expect.any(TypeError) as Error },
      });
      const odd = over([() => json([{ ref: 'a' }])], options);
      expect(await odd.send(create, true)).toMatchObject(UNEXPECTED);
    });
  });

  describe.each([
    ['POST', 409],
    ['PUT', 412],
  ] as const)('%s answered %i: something is there', (method, status) => {
    const options = todos({ create: method });

    test('CF3 what was sent, whatever the server added: confirmed', async () => {
      const { send, lines } = over([() => problem(status), () => json({ ...row, rank: 1 })], options);
      expect(await send(create)).toMatchObject({ status: 200, rows: [{ row: { rank: 1 } }] });
      expect(lines()[1]).toBe('GET /api/todos/a');
    });

    test('CF3 something else: the conflict carries it', async () => {
      const { send } = over(
        [() => problem(status, { title: 'Taken' }), () => json({ id: 'a', title: 'Z' })],
        options,
      );
      expect(await send(create)).toMatchObject({
        status,
        rows: [{ id: 'a', row: { title: 'Z' } }],
        problem: { title: 'Taken', current: { type: 'todos', id: 'a', data: { title: 'Z' } } },
      });
    });

    test('CF3 nothing under this id, or nothing readable: the answer stands', async () => {
      for (const answer of [() => problem(404), () => problem(403)])
        expect(await over([() => problem(status), answer], options).send(create)).toMatchObject({
          status,
          rows: [],
        });
    });

    test('CF3 not known what: undecided', async () => {
      const { send } = over([() => problem(status), () => problem(503)], options);
      expect(await send(create)).toMatchObject({ status: 503 });
    });
  });

  test('CF3 409 from a server that gives the ids is not about the id of the client', async () => {
    const { send, lines } = over([() => problem(409)], { safety: 'none' });
    expect(await send(create)).toMatchObject({ status: 409 });
    expect(lines()).toEqual(['POST /api/todos']);
  });

  test('RT1 409 in progress is passed on', async () => {
    const { send, lines } = over([() => problem(409, { type: 'urn:x:in-progress' })]);
    expect(await send(create)).toMatchObject({ status: 409, problem: { type: 'urn:x:in-progress' } });
    expect(lines()).toHaveLength(1);
  });
});

describe('conditions', () => {
  const guarded: Op = { version: 17 };
  const stale = () => problem(412, { title: 'Changed' });

  test('CF1 412 comes with the row that won', async () => {
    const { send, lines } = over([stale, () => json({ id: 'a', title: 'Z' }, 200, { etag: '"18"' })]);
    expect(await send(guarded)).toMatchObject({
      status: 412,
      rows: [{ id: 'a', row: { title: 'Z' }, version: '"18"' }],
      problem: {
        title: 'Changed',
        current: { type: 'todos', id: 'a', version: '"18"', data: { title: 'Z' } },
      },
    });
    expect(lines()).toEqual(['PATCH /api/todos/a', 'GET /api/todos/a']);
  });

  test.each([
    ['as it is', { id: 'a', title: 'Z' }, undefined],
    [
      'in the form of the protocol',
      { type: 'todos', id: 'a', version: 18, data: { id: 'a', title: 'Z' } },
      18,
    ],
  ])('CF1 a row in the body of the 412, %s, needs no request', async (_, current, version) => {
    const { send, lines } = over([() => problem(412, { current })]);
    expect(await send(guarded)).toMatchObject({
      status: 412,
      rows: [{ id: 'a', row: { title: 'Z' }, version }],
    });
    expect(lines()).toHaveLength(1);
  });

  test('CF1 a current row of another id is nobody’s business', async () => {
    const { send } = over([() => problem(412, { current: { id: 'b' } }), () => problem(404)]);
    expect(await send(guarded)).toMatchObject({ status: 412, rows: [] });
  });

  test('RT3 412 to a repeated update that had arrived is its acceptance', async () => {
    const ours = () => json({ id: 'a', title: 'B' }, 200, { etag: '"18"' });
    expect(await over([stale, ours]).send(guarded, true)).toMatchObject({
      status: 200,
      rows: [{ version: '"18"' }],
    });
    expect(await over([stale, ours]).send(guarded)).toMatchObject({ status: 412 });
    const { send } = over([stale, ours], { safety: 'idempotency-key' });
    expect(await send(guarded, true)).toMatchObject({ status: 412 });
  });

  test('CF3 412 to a delete of what is gone: done', async () => {
    const { send } = over([() => problem(412), () => problem(404)]);
    expect(await send({ change: deleted, version: 17 })).toMatchObject({ status: 404 });
    const there = over([() => problem(412), () => json(row)]);
    expect(await there.send({ change: deleted, version: 17 }, true)).toMatchObject({
      status: 412,
      rows: [{ id: 'a' }],
    });
  });

  test('RT1 428: the row is fetched, and the same is sent with its version, once', async () => {
    const asked = () => problem(428);
    const { send, calls } = over([
      asked,
      () => json(row, 200, { etag: '"5"' }),
      () => json({ id: 'a', title: 'B' }),
    ]);
    expect(await send()).toMatchObject({ status: 200 });
    expect(calls.map(({ line, headers }) => [line, headers['if-match'], headers['Idempotency-Key']])).toEqual(
      [
        ['PATCH /api/todos/a', undefined, '"t.2"'],
        ['GET /api/todos/a', undefined, undefined],
        ['PATCH /api/todos/a', '"5"', '"t.2"'],
      ],
    );
    expect(calls[2]!.init.body).toBe(calls[0]!.init.body);
    const again = over([asked, () => json(row, 200, { etag: '"5"' }), asked]);
    expect(await again.send()).toMatchObject({ status: 428 });
    expect(again.lines()).toHaveLength(3);
    expect(await over([asked, () => json(row, 200, { etag: 'W/"5"' })]).send()).toMatchObject({
      status: 428,
    });
    expect(await over([asked, () => problem(503)]).send()).toMatchObject({ status: 503 });
  });

  test('CF1 an answer without the version is followed by a look, or the next write would contradict this one', async () => {
    const fresh = () => json({ id: 'a', title: 'B' }, 200, { etag: '"18"' });
    for (const silent of [() => empty(204), () => json({ id: 'a', title: 'B' }), () => json({ ok: true })]) {
      const { send, lines } = over([silent, fresh]);
      expect(await send(guarded)).toMatchObject({ rows: [{ version: '"18"' }] });
      expect(lines()).toEqual(['PATCH /api/todos/a', 'GET /api/todos/a']);
    }
    for (const nothing of [() => problem(503), () => json(row), () => Promise.reject(new TypeError('x'))])
      expect(await over([() => empty(204), nothing]).send(guarded)).toMatchObject({ status: 204, rows: [] });
    const unguarded = over([() => empty(204)]);
    await unguarded.send();
    await unguarded.send({ change: deleted, version: 17 });
    expect(unguarded.lines()).toEqual(['PATCH /api/todos/a', 'DELETE /api/todos/a']);
  });
});

describe('time and credentials', () => {
  test('RT3 an op that hangs in its second request times out, and leaves no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { send } = over([() => problem(412), never], { timeoutMs: 5000 });
    const reply = send({ version: 1 });
    await vi.advanceTimersByTimeAsync(5000);
    expect(await reply).toMatchObject({ kind: 'failure', failure: 'timeout' });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('RT3 all requests of an op share its time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const slow = (response: Response) => () =>
      new Promise<Response>((resolve) => setTimeout(resolve, 3000, response));
    const { send } = over([slow(problem(412)), slow(json(row))], { timeoutMs: 5000 });
    const reply = send({ version: 1 });
    await vi.advanceTimersByTimeAsync(5000);
    expect(await reply).toMatchObject({ kind: 'failure', failure: 'timeout' });
  });

  test('TB5 the caller may stop a push; nothing is left behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stop = new AbortController();
    const { transport, calls } = over([never]);
    const op = { token: 't', rev: 0, body: transport.encode(outgoing()), resent: false };
    const replies = transport.push([op], { signal: stop.signal });
    await vi.advanceTimersByTimeAsync(1);
    stop.abort();
    expect(await replies).toMatchObject([{ kind: 'failure', failure: 'timeout' }]);
    expect(calls[0]!.init.signal!.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('RT1 401 refreshes once for all ops of a push', async () => {
    let token = 1;
    const refresh = vi.fn(async () => {
      await Promise.resolve();
      token++;
    });
    const auth = { headers: () => ({ authorization: `Bearer ${token}` }), refresh };
    const { transport, calls } = over([() => (token === 1 ? problem(401) : empty(204))], { auth });
    const body = transport.encode(outgoing());
    const ops = ['1', '2', '3'].map((t) => ({ token: t, rev: 0, body, resent: false }));
    const replies = await transport.push(ops, { signal: idle });
    expect(replies.map((reply) => (reply as { status: number }).status)).toEqual([204, 204, 204]);
    expect([refresh.mock.calls.length, calls.length]).toEqual([1, 6]);
  });

  test('SC1 a push holds one op per row, and a few rows', () => {
    const { transport } = over([]);
    expect(transport).toMatchObject({ ordered: false, limits: { maxBatch: 6 } });
    expect(transport.pull).toBeUndefined();
  });
});

test.each([
  [{ url: '' }, /url must be a non-empty string, received the string ""/],
  [{ url: '/s', timeoutMs: 0 }, /timeoutMs must be a positive integer, received 0/],
  [{ url: '/s', maxBatch: 1.5 }, /maxBatch/],
  [{ url: '/s', safety: 'maybe' as 'none' }, /safety must be one of idempotency-key, client-ids, none/],
  [
    { url: '/s', resources: { todos: { create: 'GET' as 'PUT' } } },
    /create must be one of POST, PUT of "todos"/,
  ],
  [{ url: '/s', resources: { todos: { update: 'POST' as 'PUT' } } }, /update must be one of PATCH, PUT/],
  [{ url: '/s', resources: { todos: { safety: 'x' as 'none' } } }, /safety must be one of/],
  [{ url: '/s', resources: { todos: { path: '/a?b' } } }, /path must be a path without a query/],
  [
    { url: '/s', resources: { todos: { toBody: 1 as never } } },
    /toBody must be a function of "todos", received 1/,
  ],
])('options are checked at the door: %o', (options, message) => {
  expect(() => restTransport(options)).toThrow(message);
});
