import { expect, test } from 'vitest';
import { SyncError, type SyncErrorCode } from '../../src/domain/errors.js';
import type { Verdict } from '../../src/domain/reconcile.js';
import type { Reply } from '../../src/domain/reply.js';
import { requestOutcome } from '../../src/domain/requestOutcome.js';

const accepted: Verdict = { kind: 'accepted', rows: [], result: undefined };
const refused: Verdict = { kind: 'refused', rows: [], error: new SyncError('REFUSED', 'no') };
const undecided: Verdict = { kind: 'undecided' };
const hold = (code: SyncErrorCode): Verdict => ({ kind: 'hold', error: new SyncError(code, 'hold') });
const retry = (code: SyncErrorCode, wholeOrigin: boolean, retryAfterMs?: number): Verdict => ({
  kind: 'retry',
  error: new SyncError(code, 'retry'),
  wholeOrigin,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});

// The verdicts of one request, what everything else waits for, and what is learnt of the server.
test.each<[string, readonly Verdict[], SyncErrorCode | undefined, string]>([
  ['all decided', [accepted, refused], undefined, 'answered'],
  [
    'SC3 one op failed, the others were decided',
    [accepted, retry('UNAVAILABLE', false)],
    undefined,
    'answered',
  ],
  ['SC3 the only op failed, the request did not', [retry('UNAVAILABLE', false)], undefined, ''],
  [
    'RT2 the server is busy, whatever it decided before',
    [accepted, retry('UNAVAILABLE', true, 5)],
    'UNAVAILABLE',
    'answered',
  ],
  [
    'SC3 one answer of a batch is damaged',
    [accepted, retry('UNEXPECTED_RESPONSE', true)],
    undefined,
    'answered',
  ],
  ['RT1 a login page for all', [retry('UNEXPECTED_RESPONSE', true)], 'UNEXPECTED_RESPONSE', ''],
  ['RT2 no network', [retry('NETWORK', true), retry('NETWORK', true)], 'NETWORK', 'unreachable'],
  ['RT3 no answer in time', [retry('TIMEOUT', true)], 'TIMEOUT', ''],
  ['RT1 signed out', [hold('UNAUTHORIZED'), undecided], 'UNAUTHORIZED', 'unauthorized'],
  ['RT1 signed out in the middle', [accepted, hold('UNAUTHORIZED')], 'UNAUTHORIZED', 'answered unauthorized'],
  ['RT1 the app is too old', [hold('CLIENT_OUTDATED')], 'CLIENT_OUTDATED', ''],
  ['a server that answers and decides nothing', [undecided, undecided], 'UNAVAILABLE', ''],
  ['the server stopped after some', [accepted, undecided], undefined, 'answered'],
])('%s', (_name, verdicts, code, learnt) => {
  const { stop, answered, unauthorized, unreachable } = requestOutcome(verdicts, []);
  expect(stop?.error.code).toBe(code);
  expect(
    [answered && 'answered', unauthorized && 'unauthorized', unreachable && 'unreachable']
      .filter(Boolean)
      .join(' '),
  ).toBe(learnt);
});

test('RT2 the floor that the server asked for is kept', () =>
  expect(requestOutcome([retry('UNAVAILABLE', true, 7_000)], []).stop?.retryAfterMs).toBe(7_000));

const answer = (status: number, restMs?: number): Reply => ({
  kind: 'answer',
  status,
  rows: [],
  ...(restMs !== undefined && { restMs }),
});
const silence: Reply = { kind: 'failure', failure: 'network', cause: undefined };
const busy = retry('UNAVAILABLE', true);

// What one request says of the server's health: the breaker counts `failed`, and forgets at `answered`.
test.each<[string, readonly Verdict[], readonly Reply[], string]>([
  ['503', [busy], [answer(503)], 'failed'],
  ['a 5xx about the whole request', [busy, busy], [answer(502), answer(502)], 'failed'],
  ['no network', [retry('NETWORK', true)], [silence], 'failed'],
  ['no answer in time', [retry('TIMEOUT', true)], [silence], 'failed'],
  ['a login page', [retry('UNEXPECTED_RESPONSE', true)], [silence], 'failed'],
  ['429: asking for less is health', [busy, busy], [answer(429), answer(429)], 'neither'],
  ['429 for one op, 503 for another', [busy, busy], [answer(429), answer(503)], 'failed'],
  ['503 after some were accepted', [accepted, busy], [answer(200), answer(503)], 'answered'],
  ['503 after some were refused', [refused, busy], [answer(422), answer(503)], 'answered'],
  ['a 5xx of one op alone', [retry('UNAVAILABLE', false)], [answer(500)], 'neither'],
  ['signed out', [hold('UNAUTHORIZED'), undecided], [answer(401), { kind: 'omitted' }], 'neither'],
  ['nothing said about any op', [undecided], [{ kind: 'omitted' }], 'neither'],
  ['a reply left out by a transport', [busy], [], 'failed'],
])('RT4 %s', (_name, verdicts, replies, said) => {
  const { answered, failed } = requestOutcome(verdicts, replies);
  expect([answered && 'answered', failed && 'failed'].filter(Boolean).join(' ') || 'neither').toBe(said);
});

test.each<[string, readonly Reply[], number]>([
  ['no word of it', [answer(200), silence, { kind: 'omitted' }], 0],
  ['the longest counts', [answer(200, 5_000), answer(200, 9_000), answer(422)], 9_000],
  ['what is over', [answer(200, 0)], 0],
])('RT2 the rest that the rate limit asks for: %s', (_name, replies, restMs) =>
  expect(
    requestOutcome(
      replies.map(() => accepted),
      replies,
    ).restMs,
  ).toBe(restMs),
);
