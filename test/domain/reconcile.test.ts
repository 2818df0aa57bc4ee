import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/domain/changes.js';
import { SyncError } from '../../src/domain/errors.js';
import type { MutationRecord } from '../../src/domain/mutation.js';
import { reconcile, type Reconcilable, type Verdict } from '../../src/domain/reconcile.js';
import type { Problem, Reply } from '../../src/domain/reply.js';

const update: Change = {
  kind: 'update',
  collection: 'todos',
  id: 'a',
  patch: { n: 1 },
  unset: [],
  previous: {},
};
const remove: Change = { kind: 'delete', collection: 'todos', id: 'a', previous: { id: 'a' } };

function mutation(changes: readonly Change[] = [update], command = false): Reconcilable {
  const record: MutationRecord = {
    token: 't1',
    rev: 0,
    name: 'renameTodo',
    schema: 1,
    variables: {},
    changes,
    lanes: ['todos/a'],
    priority: 'normal',
    dependsOn: [],
    createdAt: 0,
  };
  return { record, sealed: { token: 't1', rev: 0, body: '{}', changes, sealedAt: 0 }, command };
}

const answer = (status: number, rest: Partial<Extract<Reply, { kind: 'answer' }>> = {}): Reply => ({
  kind: 'answer',
  status,
  rows: [],
  ...rest,
});
const say = (verdict: Verdict): string => {
  switch (verdict.kind) {
    case 'retry':
      return `retry ${verdict.error.code}${verdict.wholeOrigin ? ' origin' : ''}`;
    case 'hold':
    case 'conflict':
    case 'refused':
      return `${verdict.kind} ${verdict.error.code}`;
    case 'accepted':
    case 'undecided':
      return verdict.kind;
  }
};
const judge = (status: number, problem?: Problem, of = mutation()): string =>
  say(reconcile(of, answer(status, problem && { problem })));

// The table of RT1, status by status; whatever is not in it follows from its class.
const SPECIAL: Readonly<Record<number, string>> = {
  401: 'hold UNAUTHORIZED',
  403: 'refused FORBIDDEN',
  408: 'retry UNAVAILABLE',
  404: 'conflict CONFLICT',
  409: 'conflict CONFLICT',
  410: 'conflict CONFLICT',
  412: 'conflict CONFLICT',
  413: 'refused TOO_LARGE',
  424: 'refused DEPENDENCY',
  425: 'retry UNAVAILABLE',
  426: 'hold CLIENT_OUTDATED',
  429: 'retry UNAVAILABLE origin',
  503: 'retry UNAVAILABLE origin',
};
function expected(status: number): string {
  const special = SPECIAL[status];
  if (special !== undefined) return special;
  if (status >= 200 && status < 300) return 'accepted';
  if (status >= 400 && status < 500) return 'refused REFUSED';
  if (status >= 500 && status < 600) return 'retry UNAVAILABLE';
  return 'retry UNEXPECTED_RESPONSE';
}

describe('RT1 the table', () => {
  test('RT1 every status from 0 to 999 has its verdict', () => {
    for (let status = 0; status < 1000; status++)
      expect([status, judge(status)]).toEqual([status, expected(status)]);
  });

  test('RT1 a status that is no number of HTTP is never success', () => {
    for (const status of [NaN, Infinity, -200, 200.5, 299.5, 1e9])
      expect(judge(status)).toBe('retry UNEXPECTED_RESPONSE');
  });

  test.each([404, 410])(
    'RT1 %i of a delete is already done; of an update it is a conflict, of anything else refused',
    (status) => {
      expect(judge(status, undefined, mutation([remove]))).toBe('accepted');
      expect(judge(status, undefined, mutation([remove, { ...remove, id: 'b' }]))).toBe('accepted');
      expect(judge(status, undefined, mutation([remove, update]))).toBe('conflict CONFLICT');
      expect(judge(status, undefined, mutation([]))).toBe('refused REFUSED');
      expect(judge(status, undefined, mutation([remove], true))).toBe('refused REFUSED');
    },
  );

  test('RT1 409 is told apart by its problem type, not by what it says', () => {
    expect(judge(409, { type: 'urn:holdfast:problem:in-progress' })).toBe('retry UNAVAILABLE');
    expect(judge(409, { type: 'https://api.example/problems/in-progress' })).toBe('retry UNAVAILABLE');
    expect(judge(409, { type: 'urn:holdfast:problem:exists', title: 'in-progress' })).toBe(
      'conflict CONFLICT',
    );
    expect(judge(409, { detail: 'in-progress' })).toBe('conflict CONFLICT');
    expect(judge(409, { type: 'urn:holdfast:problem:superseded' })).toBe('refused CONFLICT');
  });

  test('RT1 403 is refused, but the wrong account holds the drain', () => {
    expect(judge(403, { type: 'urn:holdfast:problem:not-yours' })).toBe('refused FORBIDDEN');
    expect(judge(403, { type: 'urn:holdfast:problem:wrong-account' })).toBe('hold UNAUTHORIZED');
  });

  test.each([
    ['network', 'NETWORK'],
    ['timeout', 'TIMEOUT'],
    ['unexpected', 'UNEXPECTED_RESPONSE'],
    ['unclassified', 'UNCLASSIFIED'],
  ] as const)('RT3 no answer (%s) is an unknown outcome: retried, and the cause is kept', (failure, code) => {
    const cause = new TypeError('boom');
    const verdict = reconcile(mutation(), { kind: 'failure', failure, cause, retryAfterMs: 5 });
    expect(verdict).toMatchObject({
      kind: 'retry',
      retryAfterMs: 5,
      wholeOrigin: true,
      error: { code, cause },
    });
    const named = new SyncError(code, 'already named');
    expect(reconcile(mutation(), { kind: 'failure', failure, cause: named })).toMatchObject({ error: named });
  });

  test('RT1 a 5xx about the whole request stops the origin; about one op, only its lane', () => {
    for (const status of [408, 425, 500, 502, 504, 302]) {
      const code = status === 302 ? 'UNEXPECTED_RESPONSE' : 'UNAVAILABLE';
      expect(say(reconcile(mutation(), answer(status)))).toBe(`retry ${code}`);
      expect(say(reconcile(mutation(), answer(status, { wholeRequest: true })))).toBe(`retry ${code} origin`);
    }
  });

  test('RT1 an op the server did not come to is undecided', () => {
    expect(reconcile(mutation(), { kind: 'omitted' })).toEqual({ kind: 'undecided' });
  });

  test('RT1 only accepted and refused take a mutation out of the outbox, and never for a 5xx or no answer', () => {
    const failures = fc.constantFrom('network', 'timeout', 'unexpected', 'unclassified' as const);
    const reply = fc.oneof(
      fc.integer({ min: 500, max: 599 }).map((status) => answer(status)),
      failures.map((failure): Reply => ({
        kind: 'failure',
        failure: failure as 'network',
        cause: undefined,
      })),
    );
    fc.assert(
      fc.property(reply, fc.constantFrom([update], [remove]), (said, changes) => {
        expect(reconcile(mutation(changes), said).kind).toBe('retry');
      }),
    );
  });
});

describe('what a verdict carries', () => {
  const row = { collection: 'todos', id: 'a', row: { id: 'a', n: 3 }, version: 3 };

  test('RT1 accepted: the rows and the result of the server', () => {
    expect(reconcile(mutation(), answer(200, { rows: [row], result: 0 }))).toEqual({
      kind: 'accepted',
      rows: [row],
      result: 0,
    });
  });

  test.each([409, 412])('CF1 %i brings the current row into base when it is well formed', (status) => {
    const current = { type: 'todos', id: 'a', version: 3, data: { id: 'a', n: 3 } };
    const rows = (problem: Problem) => {
      const verdict = reconcile(mutation(), answer(status, { problem }));
      return verdict.kind === 'conflict' ? verdict.rows : verdict.kind;
    };
    expect(rows({ current })).toEqual([row]);
    expect(rows({ current: [current, { ...current, id: 'b', data: null }] })).toEqual([
      row,
      { collection: 'todos', id: 'b', row: undefined, version: 3 },
    ]);
    for (const bad of [undefined, null, 'row', 7, [], [null], { ...current, version: 2 ** 60 }, { id: 'a' }])
      expect(rows({ current: bad })).toEqual([]);
  });

  test('RT2 Retry-After reaches the verdict as it is, zero included', () => {
    expect(reconcile(mutation(), answer(503, { retryAfterMs: 0 }))).toMatchObject({ retryAfterMs: 0 });
    expect(reconcile(mutation(), answer(429, { retryAfterMs: 9000 }))).toMatchObject({ retryAfterMs: 9000 });
    expect(reconcile(mutation(), answer(500))).not.toHaveProperty('retryAfterMs');
  });

  test('RT8 an error names mutation, status and problem, and carries them for programs', () => {
    const problem = { type: 'urn:x:invalid', title: 'Not valid', detail: 'title is empty' };
    const verdict = reconcile(mutation(), answer(422, { problem }));
    expect(verdict).toMatchObject({
      error: {
        code: 'REFUSED',
        recovery: 'user',
        status: 422,
        details: { problem },
        message: 'renameTodo (t1): the server answered 422, Not valid: title is empty.',
      },
    });
  });

  test('RT8 an error the app threw itself is the error of the refusal', () => {
    const cause = new SyncError('VALIDATION', 'Title is taken.');
    expect(reconcile(mutation(), answer(422, { cause }))).toMatchObject({ kind: 'refused', error: cause });
    const plain = Object.assign(new Error('boom'), { status: 403 });
    expect(reconcile(mutation(), answer(403, { cause: plain }))).toMatchObject({
      error: { code: 'FORBIDDEN', cause: plain },
    });
  });
});
