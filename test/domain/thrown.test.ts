import { describe, expect, test } from 'vitest';
import { SyncError } from '../../src/domain/errors.js';
import { replyOfThrown, replyOfValue } from '../../src/domain/thrown.js';

const NOW = Date.UTC(2026, 0, 1);
const http = (fields: object): Error => Object.assign(new Error('Request failed'), fields);

describe('what a mutationFn threw', () => {
  test.each([
    ['status', http({ status: 422 }), 422],
    ['statusCode', http({ statusCode: 503 }), 503],
    ['response.status', http({ response: { status: 409 } }), 409],
    ['a thrown Response', new Response('', { status: 404 }), 404],
    ['a plain object', { status: 400 }, 400],
  ])('MU7 a numeric %s is the answer', (_, error, status) => {
    expect(replyOfThrown(error)).toMatchObject({ kind: 'answer', status, rows: [], cause: error });
  });

  test('MU7 an error about a 200 is no success: nobody could read that answer', () => {
    for (const status of [200, 204, 302, 100, 700])
      expect(replyOfThrown(http({ status }))).toMatchObject({ kind: 'failure', failure: 'unexpected' });
    expect(replyOfThrown(http({ status: 0 }))).toMatchObject({ kind: 'failure', failure: 'network' });
    expect(replyOfThrown(http({ status: '422' }))).toMatchObject({ failure: 'unclassified' });
  });

  test.each([
    ['problem', { problem: { type: 'urn:x' } }],
    ['body', { body: { type: 'urn:x' } }],
    ['data', { data: { type: 'urn:x' } }],
    ['response.data', { response: { data: { type: 'urn:x' } } }],
  ])('RT8 the problem document is found in %s', (_, fields) => {
    expect(replyOfThrown(http({ status: 422, ...fields }))).toMatchObject({ problem: { type: 'urn:x' } });
  });

  test('RT8 a problem that could not be stored is left out; the cause keeps it', () => {
    for (const body of [new Response('x').body, { f: () => 1 }, ['a'], 'text', null]) {
      const error = http({ status: 422, body });
      const reply = replyOfThrown(error);
      expect(reply).not.toHaveProperty('problem');
      expect(reply).toMatchObject({ status: 422, cause: error });
    }
  });

  test('RT2 Retry-After is read from the error, its headers, its response or its body', () => {
    const headers = new Headers({ 'retry-after': '7' });
    for (const fields of [
      { retryAfterMs: 7000 },
      { headers },
      { response: { headers } },
      { problem: { retryAfterMs: 7000 } },
    ])
      expect(replyOfThrown(http({ status: 503, ...fields }))).toMatchObject({ retryAfterMs: 7000 });
    const dated = { headers: new Headers({ 'retry-after': new Date(NOW + 9000).toUTCString() }) };
    expect(replyOfThrown(http({ status: 503, ...dated }), NOW)).toMatchObject({ retryAfterMs: 9000 });
    expect(replyOfThrown(http({ status: 503, ...dated }))).not.toHaveProperty('retryAfterMs');
    expect(replyOfThrown(http({ status: 503, retryAfterMs: 1e15 }))).toMatchObject({
      retryAfterMs: 3_600_000,
    });
  });

  test('RT2 a rate limit is read from the headers of the error or of its response', () => {
    const headers = new Headers({ ratelimit: '"default";r=0;t=7' });
    for (const status of [403, 429, 503])
      for (const fields of [{ headers }, { response: { headers } }])
        expect(replyOfThrown(http({ status, ...fields }))).toMatchObject({ kind: 'answer', restMs: 7000 });
    expect(replyOfThrown(new Response('', { status: 429, headers }))).toMatchObject({ restMs: 7000 });
    const github = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 9) };
    const error = http({ status: 403, headers: new Headers(github) });
    expect(replyOfThrown(error, NOW)).toMatchObject({ restMs: 9000 });
    expect(replyOfThrown(error)).not.toHaveProperty('restMs');
    const left = new Headers({ ratelimit: '"default";r=1;t=7' });
    expect(replyOfThrown(http({ status: 422, headers: left }))).not.toHaveProperty('restMs');
    expect(replyOfThrown(http({ status: 422 }))).not.toHaveProperty('restMs');
  });

  test.each([
    [new DOMException('stop', 'AbortError'), 'timeout'],
    [new DOMException('late', 'TimeoutError'), 'timeout'],
    [new TypeError('Failed to fetch'), 'network'],
  ])('RT3 %s is an unknown outcome', (error, failure) => {
    expect(replyOfThrown(error)).toEqual({ kind: 'failure', failure, cause: error });
  });

  test.each([
    'rejected',
    new Error('boom'),
    undefined,
    null,
    42,
    new Error('Failed to fetch'),
    new Error('422'),
    Symbol('x'),
  ])('RT1 %o says nothing about the outcome: unclassified, with the way to classify it', (error) => {
    const reply = replyOfThrown(error);
    expect(reply).toMatchObject({
      kind: 'failure',
      failure: 'unclassified',
      cause: { code: 'UNCLASSIFIED', message: expect.stringContaining('numeric `status`') as string },
    });
    if (error !== undefined && reply.kind === 'failure') expect((reply.cause as Error).cause).toBe(error);
  });

  test.each([
    ['VALIDATION', 422],
    ['REFUSED', 422],
    ['UNAUTHORIZED', 401],
    ['FORBIDDEN', 403],
    ['CONFLICT', 412],
    ['DEPENDENCY', 424],
    ['CLIENT_OUTDATED', 426],
    ['UNAVAILABLE', 503],
  ] as const)('RT8 SyncError %s is its own answer, and is kept', (code, status) => {
    const error = new SyncError(code, 'said so', { status: 200 });
    expect(replyOfThrown(error)).toMatchObject({ kind: 'answer', status, cause: error });
  });

  test.each([
    ['NETWORK', 'network'],
    ['TIMEOUT', 'timeout'],
    ['UNEXPECTED_RESPONSE', 'unexpected'],
    ['UNCLASSIFIED', 'unclassified'],
    ['STORAGE', 'unclassified'],
  ] as const)('RT8 SyncError %s leaves the outcome unknown', (code, failure) => {
    const error = new SyncError(code, 'said so');
    expect(replyOfThrown(error)).toEqual({ kind: 'failure', failure, cause: error });
  });
});

describe('what a mutationFn returned', () => {
  test.each([undefined, null, 0, '', false, { id: 1 }, { status: 500 }])(
    'MU7 %o is the result: returning is success',
    (value) => {
      expect(replyOfValue(value)).toEqual({ kind: 'answer', status: 200, rows: [], result: value });
    },
  );

  test('MU7 a fetch Response that nobody checked is judged by its status', () => {
    expect(replyOfValue(new Response('{}', { status: 201 }))).toEqual({
      kind: 'answer',
      status: 201,
      rows: [],
    });
    expect(replyOfValue(new Response('', { status: 503, headers: { 'retry-after': '2' } }))).toMatchObject({
      kind: 'answer',
      status: 503,
      retryAfterMs: 2000,
    });
    const redirected = Object.defineProperty(new Response('<html>'), 'redirected', { value: true });
    expect(replyOfValue(redirected)).toMatchObject({ kind: 'failure', failure: 'unexpected' });
    expect(replyOfValue(Response.error())).toMatchObject({ kind: 'failure', failure: 'network' });
  });

  test('RT2 the last request that a rate limit allows was accepted, and says how long none is left', () => {
    const headers = { 'ratelimit-remaining': '0', 'ratelimit-reset': '7' };
    expect(replyOfValue(new Response('{}', { status: 201, headers }))).toEqual({
      kind: 'answer',
      status: 201,
      rows: [],
      restMs: 7000,
    });
    expect(replyOfValue(new Response('', { status: 422, headers }))).toMatchObject({ restMs: 7000 });
    const github = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 9) };
    expect(replyOfValue(new Response('{}', { headers: github }), NOW)).toMatchObject({ restMs: 9000 });
  });
});
