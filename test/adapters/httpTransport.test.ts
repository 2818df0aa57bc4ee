import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { httpTransport, type HttpTransportOptions } from '../../src/adapters/httpTransport.js';
import { SyncError } from '../../src/domain/errors.js';
import type { OutgoingOp, Reply, SealedOp } from '../../src/engine/ports.js';

afterEach(() => {
  vi.useRealTimers();
});

const idle = new AbortController().signal;
const op = (token: string, body = `{"op":"${token}"}`): SealedOp => ({ token, rev: 0, body });
const ok = (token: string, rest: object = {}): object => ({
  op: token,
  rev: 0,
  status: 200,
  entities: [],
  replayed: false,
  ...rest,
});
const json = (body: unknown, init: ResponseInit = {}): Response => Response.json(body, init);
const problem = (status: number, members: object = {}, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ type: 'urn:x', status, ...members }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
const html = (status: number): Response =>
  new Response('<!doctype html><title>Sign in</title>', { status, headers: { 'content-type': 'text/html' } });

/** A transport over scripted answers; the last one repeats. */
function over(
  answers: readonly (() => Response | Promise<Response>)[],
  options: Partial<HttpTransportOptions> = {},
) {
  const calls: { url: string; init: RequestInit }[] = [];
  const fetch = async (url: unknown, init: RequestInit = {}): Promise<Response> => {
    calls.push({ url: String(url), init });
    const answer = answers[Math.min(calls.length, answers.length) - 1]!;
    return answer();
  };
  const transport = httpTransport({ url: '/sync/', client: 'c_1', fetch, ...options });
  const push = (...tokens: string[]): Promise<readonly Reply[]> =>
    transport.push(
      tokens.map((token) => op(token)),
      { signal: idle },
    );
  const pull = (cursor?: string) => transport.pull!({ cursor, signal: idle });
  return { transport, calls, push, pull };
}

const UNEXPECTED = { kind: 'failure', failure: 'unexpected', cause: { code: 'UNEXPECTED_RESPONSE' } };

describe('encode', () => {
  const { transport } = over([]);
  const encode = (rest: Partial<OutgoingOp>): unknown =>
    JSON.parse(transport.encode({ token: 't', rev: 2, changes: [], command: undefined, after: [], ...rest }));
  const update = { kind: 'update', collection: 'todos', id: 'a', previous: {} } as const;

  test('OB5 one change is an op of its kind', () => {
    const row = { id: 'a', n: null, list: [0] };
    expect(
      encode({ changes: [{ kind: 'insert', collection: 'todos', id: 'a', row }], after: ['p'] }),
    ).toEqual({
      op: 't',
      rev: 2,
      kind: 'insert',
      type: 'todos',
      id: 'a',
      data: row,
      after: ['p'],
    });
    expect(encode({ changes: [{ kind: 'delete', collection: 'todos', id: 'a', previous: row }] })).toEqual({
      op: 't',
      rev: 2,
      kind: 'delete',
      type: 'todos',
      id: 'a',
      after: [],
    });
  });

  test('CF6 null is a value that is set, and removal has a list of its own', () => {
    const patch = { a: null, b: 0, c: '', d: false };
    expect(encode({ changes: [{ ...update, patch, unset: ['gone'] }] })).toMatchObject({
      kind: 'update',
      patch,
      unset: ['gone'],
    });
  });

  test('ST5 several changes are one group; a command carries its arguments and no changes', () => {
    const change = { ...update, patch: { n: 1 }, unset: [] };
    expect(encode({ changes: [change, { ...change, id: 'b' }] })).toMatchObject({
      kind: 'group',
      changes: [
        { kind: 'update', id: 'a' },
        { kind: 'update', id: 'b' },
      ],
    });
    const command = { name: 'close', args: { id: 'a', at: 0 } };
    expect(encode({ changes: [change], command })).toEqual({
      op: 't',
      rev: 2,
      kind: 'command',
      name: 'close',
      args: { id: 'a', at: 0 },
      after: [],
    });
    expect(encode({ command: { name: 'x', args: undefined } })).toMatchObject({ args: null });
  });

  test('OB6 what JSON would alter is refused with its path', () => {
    const patch = { when: new Date(0) };
    expect(() => encode({ changes: [{ ...update, patch, unset: [] }] })).toThrow(
      expect.objectContaining({ code: 'NOT_SERIALIZABLE', details: { path: 'when' } }) as Error,
    );
  });

  test('LF3 hostile field names travel as data', () => {
    const patch = JSON.parse('{"__proto__":{"x":1},"constructor":2}') as Record<string, unknown>;
    const body = transport.encode({
      token: 't',
      rev: 0,
      changes: [{ ...update, patch, unset: [] }],
      command: undefined,
      after: [],
    });
    expect(body).toContain('"patch":{"__proto__":{"x":1},"constructor":2}');
  });

  test('OB6 an op that no request can carry is TOO_LARGE, counted in UTF-8 bytes', () => {
    const small = httpTransport({ url: '/sync', maxBytes: 1000, maxBatch: 1 });
    const insert = (text: string): string =>
      small.encode({
        token: 't',
        rev: 0,
        changes: [{ kind: 'insert', collection: 'todos', id: 'a', row: { text } }],
        command: undefined,
        after: [],
      });
    const free = small.limits.maxBytes - insert('').length;
    expect(new TextEncoder().encode(insert('ü'.repeat(free / 2))).length).toBeLessThanOrEqual(
      small.limits.maxBytes,
    );
    expect(() => insert('ü'.repeat(free / 2 + 1))).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }) as Error,
    );
  });

  test('a request of the largest batch and size stays within maxBytes', async () => {
    const { transport: full, calls } = over([() => json({ results: [] })], {
      maxBytes: 2000,
      maxBatch: 3,
      schema: 7,
    });
    const body = 'x'.repeat(full.limits.maxBytes / 3);
    await full.push([op('a', body), op('b', body), op('c', body)], { signal: idle });
    expect((calls[0]!.init.body as string).length).toBeLessThanOrEqual(2000);
  });
});

describe('push', () => {
  test('OB5 the sealed bytes are sent as they are, in order, in one envelope', async () => {
    const { transport, calls } = over([() => json({ results: [ok('b'), ok('a')] })], { schema: 7 });
    const bodies = ['{"op":"a", "odd":  "ü\\u0000"}', '{"op":"b"}'];
    await transport.push([op('a', bodies[0]), op('b', bodies[1])], { signal: idle });
    expect(calls).toMatchObject([
      {
        url: '/sync/ops',
        init: {
          method: 'POST',
          redirect: 'manual',
          body: `{"client":"c_1","schema":7,"ops":[${bodies.join(',')}]}`,
          headers: { 'content-type': 'application/json' },
        },
      },
    ]);
  });

  test('RT1 each op gets the reply that echoes it, whatever the order', async () => {
    const rows = [{ type: 'todos', id: 'x', version: 3, data: { id: 'x' } }];
    const { push } = over([
      () =>
        json({
          results: [
            ok('c', { status: 422, problem: { type: 'urn:x', retryAfterMs: 5 } }),
            ok('a', { entities: rows, result: 0 }),
            ok('b', { entities: [{ type: 'todos', id: 'x', version: 'v9', data: null }] }),
          ],
        }),
    ]);
    expect(await push('a', 'b', 'c')).toEqual([
      {
        kind: 'answer',
        status: 200,
        rows: [{ collection: 'todos', id: 'x', row: { id: 'x' }, version: 3 }],
        result: 0,
      },
      {
        kind: 'answer',
        status: 200,
        rows: [{ collection: 'todos', id: 'x', row: undefined, version: 'v9' }],
      },
      {
        kind: 'answer',
        status: 422,
        rows: [],
        problem: { type: 'urn:x', retryAfterMs: 5 },
        retryAfterMs: 5,
      },
    ]);
  });

  test('ID1 a result may say how the server has named a row', async () => {
    const ids = [{ type: 'todos', from: 'mine', to: '42' }];
    const { push } = over([() => json({ results: [ok('a', { ids })] })]);
    expect(await push('a')).toMatchObject([{ ids: [{ collection: 'todos', from: 'mine', to: '42' }] }]);
  });

  test('RT1 a result for another token or another rev is not ours', async () => {
    const { push } = over([
      () => json({ results: [ok('a'), ok('b', { rev: 1 }), ok('stranger'), null, 7, {}] }),
    ]);
    expect(await push('a', 'b')).toMatchObject([{ kind: 'answer' }, { kind: 'omitted' }]);
    const none = over([() => json({ results: [ok('stranger'), ok('a', { rev: 1 })] })]);
    expect(await none.push('a', 'b')).toMatchObject([UNEXPECTED, UNEXPECTED]);
  });

  test('RT1 of two results for one op the first counts', async () => {
    const { push } = over([() => json({ results: [ok('a'), ok('a', { status: 422 })] })]);
    expect(await push('a')).toMatchObject([{ status: 200 }]);
  });

  test.each([
    ['a status that is a string', { status: '200' }],
    ['no status', { status: undefined }],
    ['status 0', { status: 0 }],
    ['an unsafe version', { entities: [{ type: 't', id: 'a', version: 2 ** 60, data: {} }] }],
    ['no version', { entities: [{ type: 't', id: 'a', data: {} }] }],
    ['data that is a list', { entities: [{ type: 't', id: 'a', version: 1, data: [] }] }],
    ['entities that are an object', { entities: {} }],
    ['ids that are an object', { ids: {} }],
    ['an id without its successor', { ids: [{ type: 't', from: 'a' }] }],
  ])('RT1 an echo with %s is an unknown outcome of that op alone', async (_, bad) => {
    const { push } = over([() => json({ results: [ok('a', bad), ok('b')] })]);
    expect(await push('a', 'b')).toMatchObject([UNEXPECTED, { kind: 'answer', status: 200 }]);
  });

  test.each([
    ['a login page with status 200', () => html(200), /200 \(text\/html, "<!doctype html><title>Sign in/],
    [
      'JSON that says it is text',
      () => new Response(JSON.stringify({ results: [ok('a')] })),
      /200 \(text\/plain/,
    ],
    [
      'an empty body',
      () => new Response('', { headers: { 'content-type': 'application/json' } }),
      /\(application\/json, no body\)/,
    ],
    ['204', () => new Response(null, { status: 204 }), /204/],
    [
      'malformed JSON',
      () => new Response('{"results":[{"op":"a"', { headers: { 'content-type': 'application/json' } }),
      /"\{"results":\[\{"op":"a""/,
    ],
    ['a list', () => json([ok('a')]), /no results/],
    ['null', () => json(null), /no results/],
    ['results that are an object', () => json({ results: { 0: ok('a') } }), /no results/],
    ['no results at all', () => json({ results: [] }), /none of the ops/],
    ['a redirect seen', () => new Response(null, { status: 302, headers: { location: '/login' } }), /302/],
    [
      'a followed redirect',
      () => Object.defineProperty(json({ results: [ok('a')] }), 'redirected', { value: true }),
      /elsewhere/,
    ],
    ['an opaque answer', () => Response.error(), /answered 0/],
    ['304', () => new Response(null, { status: 304 }), /304/],
  ])('RT1 %s is an unknown outcome, and the error names what came', async (_, answer, message) => {
    const { push } = over([answer]);
    const [reply] = await push('a');
    expect(reply).toMatchObject(UNEXPECTED);
    expect((reply as { cause: SyncError }).cause.message).toMatch(message);
  });

  test('RT1 the error shows no more than 80 characters of a page', async () => {
    const { push } = over([
      () => new Response('x'.repeat(5000), { headers: { 'content-type': 'text/html' } }),
    ]);
    const [reply] = await push('a');
    expect((reply as { cause: SyncError }).cause.details).toEqual({
      type: 'text/html',
      start: `"${'x'.repeat(80)}"`,
    });
  });

  test.each([400, 403, 422, 426, 500, 503])(
    'RT1 envelope %i with a problem answers every op',
    async (status) => {
      const { push } = over([() => problem(status, { title: 'No' })]);
      const expected = { kind: 'answer', status, problem: { title: 'No' }, rows: [], wholeRequest: true };
      expect(await push('a', 'b')).toMatchObject([expected, expected]);
    },
  );

  test.each([401, 408, 413, 425, 426, 429, 500, 502, 503, 504, 511])(
    'RT1 envelope %i means the same from a proxy that answers HTML',
    async (status) => {
      const { push } = over([() => html(status)]);
      expect(await push('a')).toEqual([{ kind: 'answer', status, rows: [], wholeRequest: true }]);
    },
  );

  test.each([400, 403, 404, 405, 410, 422, 451])(
    'RT1 envelope %i in HTML is a proxy, not the server: it refuses nothing',
    async (status) => {
      const { push } = over([() => html(status)]);
      expect(await push('a')).toMatchObject([UNEXPECTED]);
    },
  );

  test.each([404, 405, 409, 410, 412])(
    'RT1 envelope %i speaks of the address, so that no delete counts as done',
    async (status) => {
      const { push } = over([() => problem(status, { message: 'no Route matched' })]);
      expect(await push('a')).toMatchObject([UNEXPECTED]);
    },
  );

  test('RT2 Retry-After comes from the header, or from the body where CORS hides the header', async () => {
    const replies = [
      problem(503, {}, { 'retry-after': '7' }),
      problem(503, { retryAfterMs: 1500 }),
      problem(503, { retryAfterMs: 1500 }, { 'retry-after': '7' }),
      new Response('busy', { status: 429, headers: { 'retry-after': '3' } }),
      problem(
        503,
        {},
        { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT', date: 'Thu, 01 Jan 2026 00:00:00 GMT' },
      ),
    ];
    const { push } = over(replies.map((reply) => () => reply));
    const waits: unknown[] = [];
    while (waits.length < replies.length)
      waits.push(...(await push('a')).map((r) => (r as { retryAfterMs?: number }).retryAfterMs));
    expect(waits).toEqual([7000, 1500, 7000, 3000, 9000]);
  });

  test('RT2 a rate limit that leaves no request is told with every answer, success included', async () => {
    const headers = { 'ratelimit-remaining': '0', 'ratelimit-reset': '7' };
    const results = { results: [ok('a'), ok('b', { status: 422 })] };
    const accepted = await over([() => json(results, { headers })]).push('a', 'b', 'c');
    expect(accepted).toMatchObject([
      { kind: 'answer', status: 200, restMs: 7000 },
      { kind: 'answer', status: 422, restMs: 7000 },
      { kind: 'omitted' },
    ]);
    const refused = await over([() => problem(429, {}, headers)]).push('a', 'b');
    expect(refused).toMatchObject([
      { status: 429, restMs: 7000 },
      { status: 429, restMs: 7000 },
    ]);
    const thrown = Object.assign(new Error('HTTP 503'), { status: 503, headers: new Headers(headers) });
    expect(await over([() => Promise.reject(thrown)]).push('a')).toMatchObject([{ restMs: 7000 }]);
    const pulled = await over([() => problem(503, {}, headers)]).pull();
    expect(pulled).toMatchObject({ kind: 'failed', reply: { status: 503, restMs: 7000 } });
  });

  test('RT2 a rate limit that leaves some, or says nothing usable, is not mentioned', async () => {
    for (const headers of [{}, { ratelimit: '"default";r=1;t=7' }, { 'ratelimit-remaining': '0' }]) {
      const [reply] = await over([() => json({ results: [ok('a')] }, { headers })]).push('a');
      expect(reply).toEqual({ kind: 'answer', status: 200, rows: [] });
    }
  });

  test('RT1 a rejected fetch is a network failure, whatever its words', async () => {
    for (const error of [
      new TypeError('Failed to fetch'),
      new Error('401'),
      new DOMException('offline', 'NetworkError'),
    ]) {
      const { push } = over([
        () => {
          throw error;
        },
      ]);
      expect(await push('a', 'b')).toMatchObject([
        { kind: 'failure', failure: 'network', cause: error },
        { kind: 'failure', failure: 'network', cause: error },
      ]);
    }
  });

  test('RT1 a fetch that throws on 404 does not confirm a delete', async () => {
    const { push } = over([() => Promise.reject(Object.assign(new Error('404'), { status: 404 }))]);
    expect(await push('a')).toMatchObject([{ kind: 'failure', failure: 'unexpected' }]);
    const busy = over([() => Promise.reject(Object.assign(new Error('503'), { status: 503 }))]);
    expect(await busy.push('a')).toMatchObject([{ kind: 'answer', status: 503 }]);
  });
});

describe('413', () => {
  const bodies = (calls: readonly { init: RequestInit }[]): string[] =>
    calls.map(({ init }) =>
      [...(init.body as string).matchAll(/"op":"(\w)"/g)].map(([, token]) => token).join(''),
    );
  const echo =
    (...tokens: string[]) =>
    () =>
      json({ results: tokens.map((token) => ok(token)) });
  const tooLarge = () => html(413);

  test('RT1 a batch too large is halved, in order; only an op too large by itself is refused', async () => {
    const { push, calls } = over([tooLarge, tooLarge, echo('a'), tooLarge, echo('c', 'd')]);
    expect(await push('a', 'b', 'c', 'd')).toMatchObject([
      { status: 200 },
      { status: 413 },
      { status: 200 },
      { status: 200 },
    ]);
    expect(bodies(calls)).toEqual(['abcd', 'ab', 'a', 'b', 'cd']);
  });

  test('SC1 the second half does not overtake an undecided first', async () => {
    const { push, calls } = over([tooLarge, () => problem(503)]);
    expect(await push('a', 'b', 'c')).toMatchObject([{ status: 503 }, { status: 503 }, { kind: 'omitted' }]);
    expect(bodies(calls)).toEqual(['abc', 'ab']);
  });
});

describe('time', () => {
  const never = (): Promise<Response> => new Promise(() => undefined);

  test.each([
    ['fetch', never, {}],
    ['the body', () => Promise.resolve(new Response(new ReadableStream())), {}],
    ['auth.headers', never, { auth: { headers: () => new Promise<never>(() => undefined) } }],
  ])('RT3 a send that hangs in %s times out, and leaves no timer', async (_, answer, options) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { push } = over([answer], { timeoutMs: 5000, ...options });
    const replies = push('a');
    await vi.advanceTimersByTimeAsync(4999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await replies).toMatchObject([
      { kind: 'failure', failure: 'timeout', cause: { name: 'TimeoutError' } },
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('RT3 the signal of fetch is aborted at the deadline', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { push, calls } = over([never], { timeoutMs: 100 });
    const replies = push('a');
    await vi.advanceTimersByTimeAsync(100);
    await replies;
    expect(calls[0]!.init.signal!.aborted).toBe(true);
  });

  test('TB5 the caller may stop a send; nothing is left behind, and nothing is sent when it stopped before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stop = new AbortController();
    const { transport, calls } = over([never]);
    const replies = transport.push([op('a')], { signal: stop.signal });
    await vi.advanceTimersByTimeAsync(1);
    stop.abort();
    expect(await replies).toMatchObject([{ kind: 'failure', failure: 'timeout' }]);
    expect(await transport.push([op('a')], { signal: stop.signal })).toMatchObject([{ kind: 'failure' }]);
    expect(calls).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('auth', () => {
  const unauthorized = (): Response => problem(401);
  const accepted = (): Response => json({ results: [ok('a')] });

  function session() {
    const log: string[] = [];
    let token = 1;
    return {
      log,
      auth: {
        headers: () => ({ authorization: `Bearer ${token}` }),
        refresh: async () => {
          log.push('refresh');
          await Promise.resolve();
          token++;
        },
      },
    };
  }
  const authorization = (call: { init: RequestInit } | undefined): unknown =>
    (call?.init.headers as Record<string, string>)['authorization'];

  test('RT1 401 refreshes once and sends again with fresh headers', async () => {
    const { auth, log } = session();
    const { push, calls } = over([unauthorized, accepted], { auth });
    expect(await push('a')).toMatchObject([{ status: 200 }]);
    expect(calls.map(authorization)).toEqual(['Bearer 1', 'Bearer 2']);
    expect(calls[1]!.init.body).toBe(calls[0]!.init.body);
    expect(log).toEqual(['refresh']);
  });

  test('RT1 401 after a refresh, or without one, is the answer', async () => {
    const { auth, log } = session();
    const { push, calls } = over([unauthorized], { auth });
    expect(await push('a')).toMatchObject([{ kind: 'answer', status: 401 }]);
    expect([calls.length, log.length]).toEqual([2, 1]);
    const plain = over([unauthorized]);
    expect(await plain.push('a')).toMatchObject([{ kind: 'answer', status: 401 }]);
    expect(plain.calls).toHaveLength(1);
  });

  test('RT1 403 means sign in where auth says so, and is an answer to the request where not', async () => {
    const forbidden = (): Response => problem(403);
    const { auth, log } = session();
    const told = over([forbidden, accepted], { auth: { ...auth, signInAt: [401, 403] } });
    expect(await told.push('a')).toMatchObject([{ status: 200 }]);
    expect(log).toEqual(['refresh']);
    const still = over([forbidden], { auth: { ...auth, signInAt: [401, 403] } });
    expect(await still.push('a')).toMatchObject([
      { status: 401, cause: { code: 'UNAUTHORIZED', status: 403 } },
    ]);
    const plain = over([forbidden], { auth });
    expect(await plain.push('a')).toMatchObject([{ status: 403 }]);
    expect(plain.calls).toHaveLength(1);
  });

  test('RT1 concurrent 401s share one refresh, also one that began before it and ended after it', async () => {
    const { auth, log } = session();
    let answerLate: (response: Response) => void = () => undefined;
    const late = new Promise<Response>((resolve) => (answerLate = resolve));
    const answers = [() => late, unauthorized, unauthorized];
    const { transport } = over([...answers, accepted], { auth });
    const send = () => transport.push([op('a')], { signal: idle });
    const slow = send();
    expect(await Promise.all([send(), send()])).toMatchObject([[{ status: 200 }], [{ status: 200 }]]);
    answerLate(unauthorized());
    expect(await slow).toMatchObject([{ status: 200 }]);
    expect(log).toEqual(['refresh']);
  });

  test.each([
    ['is refused', Object.assign(new Error('no'), { status: 400 }), { kind: 'answer', status: 401 }],
    ['finds no endpoint', Object.assign(new Error('no'), { status: 404 }), { kind: 'answer', status: 401 }],
    ['says so itself', new SyncError('UNAUTHORIZED', 'Signed out.'), { kind: 'answer', status: 401 }],
    ['finds the server busy', Object.assign(new Error(), { status: 503 }), { kind: 'answer', status: 503 }],
    ['has no network', new TypeError('Failed to fetch'), { kind: 'failure', failure: 'network' }],
  ])('RT1 a refresh that %s never refuses a mutation', async (_, error, expected) => {
    const refresh = () => Promise.reject(error);
    const { push } = over([unauthorized], { auth: { refresh } });
    expect(await push('a')).toMatchObject([expected]);
    const headers = over([accepted], { auth: { headers: () => Promise.reject(error) } });
    expect(await headers.push('a')).toMatchObject([expected]);
    expect(headers.calls).toEqual([]);
  });

  test('RT1 after a refresh that hung the next 401 refreshes again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const refresh = vi.fn(() => new Promise<void>(() => undefined));
    const { push } = over([unauthorized], { auth: { refresh }, timeoutMs: 100 });
    for (const calls of [1, 2]) {
      const replies = push('a');
      await vi.advanceTimersByTimeAsync(200);
      expect(await replies).toMatchObject([{ failure: 'timeout' }]);
      expect(refresh).toHaveBeenCalledTimes(calls);
    }
  });

  test('LF2 headers are asked for at each request and cannot replace what the protocol needs', async () => {
    let n = 0;
    const { push, calls } = over([accepted], {
      auth: { headers: () => Promise.resolve({ 'x-n': String(++n), 'content-type': 'text/plain' }) },
    });
    await push('a');
    await push('a');
    expect(calls.map(({ init }) => init.headers)).toMatchObject([
      { 'x-n': '1', 'content-type': 'application/json' },
      { 'x-n': '2', 'content-type': 'application/json' },
    ]);
  });
});

describe('pull', () => {
  const change = {
    type: 'todos',
    id: 'a',
    version: 2,
    data: { id: 'a' },
    deleted: false,
    op: 't1',
    rev: 3,
    client: 'c',
  };
  const page = { changes: [change], cursor: 'e1.5', upToDate: true };

  test('PL1 reads a page from a cursor, tombstones and echoes included', async () => {
    const dead = { ...change, id: 'b', data: null, deleted: true, op: null, rev: null };
    const unknown = { ...change, type: 'unheard-of' };
    const { pull, calls } = over([() => json({ ...page, changes: [change, dead, unknown] })]);
    expect(await pull('e1.4/ü&')).toEqual({
      kind: 'page',
      page: {
        changes: [
          { collection: 'todos', id: 'a', row: { id: 'a' }, version: 2, op: 't1.3' },
          { collection: 'todos', id: 'b', row: undefined, version: 2, op: undefined },
          { collection: 'unheard-of', id: 'a', row: { id: 'a' }, version: 2, op: 't1.3' },
        ],
        cursor: 'e1.5',
        upToDate: true,
      },
    });
    await pull();
    expect(calls.map(({ url }) => url)).toEqual([
      '/sync/changes?since=e1.4%2F%C3%BC%26&limit=500',
      '/sync/changes?limit=500',
    ]);
  });

  test.each([
    ['an unsafe version', { changes: [{ ...change, version: 2 ** 60 }] }],
    ['a fractional version', { changes: [{ ...change, version: 1.5 }] }],
    ['a negative version', { changes: [{ ...change, version: -1 }] }],
    ['no id', { changes: [{ ...change, id: '' }] }],
    ['an id that is a number', { changes: [{ ...change, id: 7 }] }],
    ['a change that is null', { changes: [change, null] }],
    ['data that is text', { changes: [{ ...change, data: 'row' }] }],
    ['no data at all', { changes: [{ ...change, data: undefined }] }],
    ['changes that are an object', { changes: {} }],
    ['no cursor', { cursor: undefined }],
    ['a cursor that is a number', { cursor: 5 }],
    ['an empty cursor', { cursor: '' }],
    ['no upToDate', { upToDate: undefined }],
    ['more to come and no step forward', { cursor: 'e1.4', upToDate: false, changes: [] }],
  ])('PL1 a page with %s fails as a whole: what is skipped would be lost', async (_, bad) => {
    const { pull } = over([() => json({ ...page, ...bad })]);
    expect(await pull('e1.4')).toMatchObject({ kind: 'failed', reply: UNEXPECTED });
  });

  test('PL1 410 asks for everything again; a stranger saying 410 does not', async () => {
    const gone = over([() => problem(410, { reason: 'gc' })]);
    expect(await gone.pull('e1.4')).toEqual({ kind: 'resync' });
    expect(await over([() => problem(410, { reason: 'epoch' })]).pull('e1.4')).toEqual({
      kind: 'resync',
      elsewhere: true,
    });
    expect(await over([() => html(410)]).pull('e1.4')).toMatchObject({ kind: 'failed' });
  });

  test('PL1 what fails is told as it came', async () => {
    const failed = async (answer: () => Response | Promise<Response>) => over([answer]).pull('e1.4');
    expect(await failed(() => html(200))).toMatchObject({ kind: 'failed', reply: UNEXPECTED });
    expect(await failed(() => problem(503, { retryAfterMs: 9 }))).toMatchObject({
      reply: { kind: 'answer', status: 503, retryAfterMs: 9 },
    });
    expect(await failed(() => Promise.reject(new TypeError('x')))).toMatchObject({
      reply: { kind: 'failure', failure: 'network' },
    });
  });

  test('RT1 401 refreshes here too', async () => {
    const refresh = vi.fn(() => Promise.resolve());
    const { pull } = over([() => problem(401), () => json(page)], { auth: { refresh } });
    expect(await pull('e1.4')).toMatchObject({ kind: 'page' });
    expect(refresh).toHaveBeenCalledTimes(1);
  });
});

describe('a real server', () => {
  async function serve(respond: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => respond(request, response, body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sync`;
    return { url, transport: httpTransport({ url }) };
  }
  const result = JSON.stringify({ results: [ok('a')] });

  test('OB5 the bytes arrive as they were sealed', async () => {
    const sealed = '{"op":"a","text":"ü € 😀 \\ud800"}';
    let arrived = '';
    const { transport } = await serve((_, response, body) => {
      arrived = body;
      response.setHeader('content-type', 'application/json').end(result);
    });
    expect(await transport.push([op('a', sealed)], { signal: idle })).toMatchObject([{ status: 200 }]);
    expect(arrived).toContain(`"ops":[${sealed}]`);
  });

  test('RT1 a redirect to a login page is not followed', async () => {
    const paths: unknown[] = [];
    const { transport } = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/login' }).end();
    });
    expect(await transport.push([op('a')], { signal: idle })).toMatchObject([UNEXPECTED]);
    expect(paths).toEqual(['/sync/ops']);
  });

  test('RT1 an answer that breaks off is an unknown outcome', async () => {
    const { transport } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': result.length + 10 });
      response.write(result, () => response.destroy());
    });
    expect(await transport.push([op('a')], { signal: idle })).toMatchObject([
      { kind: 'failure', failure: 'unexpected', cause: { cause: expect.any(Error) as Error } },
    ]);
  });

  test('RT1 an answer without an end is read up to maxAnswerBytes, and then no more of it', async () => {
    let sent = 0;
    let gone = 0;
    const some = Buffer.alloc(64 * 1024, ' ');
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.on('close', () => gone++);
      const more = (): void => {
        while (!response.destroyed) {
          sent += some.length;
          if (!response.write(some)) return;
        }
      };
      response.on('drain', more);
      more();
    });
    const endless = httpTransport({ url, maxAnswerBytes: 1_000_000 });
    const wrong = {
      kind: 'failure',
      failure: 'unexpected',
      cause: {
        code: 'UNEXPECTED_RESPONSE',
        message: expect.stringContaining('more than 1000000 bytes') as string,
      },
    };
    expect(await endless.push([op('a')], { signal: idle })).toMatchObject([wrong]);
    expect(await endless.pull!({ cursor: undefined, signal: idle })).toMatchObject({ reply: wrong });
    await vi.waitFor(() => expect(gone).toBe(2));
    expect(sent).toBeLessThan(50_000_000);
  });

  test('RT1 a reset connection, and no server at all, are network failures', async () => {
    const { transport, url } = await serve((request) => request.socket.destroy());
    expect(await transport.push([op('a')], { signal: idle })).toMatchObject([{ failure: 'network' }]);
    const nobody = httpTransport({ url: url.replace(/:\d+/, ':1') });
    expect(await nobody.push([op('a')], { signal: idle })).toMatchObject([{ failure: 'network' }]);
    expect(await nobody.pull!({ cursor: undefined, signal: idle })).toMatchObject({
      reply: { failure: 'network' },
    });
  });
});

test.each([
  [{ url: '' }, /url must be a non-empty string, received the string ""/],
  [{ url: undefined as unknown as string }, /received undefined/],
  [{ url: '/s', timeoutMs: 0 }, /timeoutMs must be a positive integer, received 0/],
  [{ url: '/s', maxBatch: 1.5 }, /maxBatch/],
  [{ url: '/s', maxBytes: 100 }, /maxBytes leaves no room/],
  [{ url: '/s', maxAnswerBytes: 0 }, /maxAnswerBytes must be a positive integer, received 0/],
])('options are checked at the door: %o', (options, message) => {
  expect(() => httpTransport(options)).toThrow(message);
});
