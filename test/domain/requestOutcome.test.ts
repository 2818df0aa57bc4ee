import { expect, test } from 'vitest';
import { SyncError, type SyncErrorCode } from '../../src/domain/errors.js';
import type { Verdict } from '../../src/domain/reconcile.js';
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
  const { stop, answered, unauthorized, unreachable } = requestOutcome(verdicts);
  expect(stop?.error.code).toBe(code);
  expect(
    [answered && 'answered', unauthorized && 'unauthorized', unreachable && 'unreachable']
      .filter(Boolean)
      .join(' '),
  ).toBe(learnt);
});

test('RT2 the floor that the server asked for is kept', () =>
  expect(requestOutcome([retry('UNAVAILABLE', true, 7_000)]).stop?.retryAfterMs).toBe(7_000));
