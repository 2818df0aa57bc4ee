import type { RetryOptions } from '../domain/backoff.js';
import { SyncError } from '../domain/errors.js';
import { idempotencyKey } from '../domain/mutation.js';
import type { Verdict } from '../domain/reconcile.js';
import { requestOutcome } from '../domain/requestOutcome.js';
import { measureClock, refineClock, type ServerClock } from '../domain/serverClock.js';
import type { Gates } from './gates.js';
import type { Ledger } from './ledger.js';
import type { Failures, PendingMutation } from './pendingMutation.js';
import type { Clock, Reply } from './ports.js';
import type { Reachability } from './reachability.js';
import { decidedBy, type Op } from './seal.js';
import type { Decision } from './settle.js';
import type { SummaryCounter } from './summary.js';

/** What an answer says of the server, and what becomes of the mutations that it is about. */
export interface Decider {
  /** Learns of the server: what goes that way waits where `requestOutcome` says so. */
  heard(route: string, verdicts: readonly Verdict[], replies: readonly Reply[], roundTripMs: number): void;
  /** The decision to carry out; what is not decided waits in its own lane. */
  decide(op: Op, verdict: Verdict | undefined): readonly Decision[];
  /** The decision on a conflict, to carry out. */
  judged(decision: Decision, error: SyncError): Decision;
  /** What goes under one key waits for one time: it must go together again. */
  failTogether(members: readonly PendingMutation[], error: SyncError): void;
  readonly serverClock: ServerClock | undefined;
  /** The server wants the user to sign in again. */
  readonly needsAuth: boolean;
}

export interface DeciderOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly gates: Gates;
  readonly reachability: Reachability;
  readonly retry: RetryOptions;
  readonly summary: SummaryCounter;
}

export function createDecider({
  ledger,
  clock,
  gates,
  reachability,
  retry,
  summary,
}: DeciderOptions): Decider {
  let serverClock: ServerClock | undefined;
  let needsAuth = false;

  function measure(replies: readonly Reply[], roundTripMs: number): void {
    for (const reply of replies) {
      if (reply.kind !== 'answer' || reply.serverTime === undefined) continue;
      const { at, resolutionMs } = reply.serverTime;
      const sample = measureClock({ serverTime: at, resolutionMs, receivedAt: clock.now(), roundTripMs });
      if (sample !== undefined) serverClock = refineClock(serverClock, sample);
      return;
    }
  }

  function failTogether(
    members: readonly PendingMutation[],
    error: SyncError,
    retryAfterMs?: number,
    attempts = 0,
  ): Failures {
    const failed = gates.failAgain(members[0]?.failures, error, retryAfterMs);
    const failures = { ...failed, unanswered: failed.unanswered + attempts };
    for (const mutation of members) {
      mutation.failures = failures;
      ledger.lanes.refresh(mutation);
    }
    return failures;
  }

  return {
    heard(route, verdicts, replies, roundTripMs) {
      measure(replies, roundTripMs);
      const outcome = requestOutcome(verdicts, replies);
      needsAuth = outcome.unauthorized || (needsAuth && !outcome.answered);
      if (outcome.answered) reachability.proven();
      if (outcome.unreachable) reachability.disproven();
      gates.report(route, outcome);
    },
    decide(op, verdict) {
      const { members } = op;
      const key = idempotencyKey(op.sealed);
      // Another tab may have split it meanwhile: what became of it says nothing of those.
      const concerned = (): readonly PendingMutation[] => decidedBy(ledger, members, key);
      switch (verdict?.kind) {
        case 'accepted': {
          const { rows, result, ids = [] } = verdict;
          return [{ kind: 'accepted', members, key, rows, result, ids }];
        }
        case 'refused': {
          const { rows, error } = verdict;
          if (op.sealed.members !== undefined) return [{ kind: 'split', members, key, rows }];
          return [{ kind: 'refused', members, key, rows, error, unanswered: false }];
        }
        case 'retry': {
          const { unanswered } = failTogether(concerned(), verdict.error, verdict.retryAfterMs, 1);
          if (unanswered < retry.maxAttempts) return [];
          const error = givenUp(unanswered, verdict.error);
          const { retryAfterMs } = verdict;
          const wish = retryAfterMs === undefined ? {} : { retryAfterMs };
          return [{ kind: 'refused', members, key, rows: [], error, unanswered: true, ...wish }];
        }
        case 'hold':
          failTogether(concerned(), verdict.error);
          return [];
        case 'conflict':
        case 'undecided':
        case undefined:
          return [];
      }
    },
    judged(decision, error) {
      summary.judged(decision);
      // The first time it goes again at once; a server that shows a newer row at every answer is not asked for ever (RT2).
      if (decision.kind === 'rebase' && decision.members.some(({ record }) => record.rev > 0))
        failTogether(decision.members, error);
      return decision;
    },
    failTogether: (members, error) => void failTogether(members, error),
    get serverClock() {
      return serverClock;
    },
    get needsAuth() {
      return needsAuth;
    },
  };
}

function givenUp(attempts: number, cause: SyncError): SyncError {
  return new SyncError(
    'GIVEN_UP',
    `${attempts} attempts brought no answer (${cause.message}). It may have been carried out; retry sends the same key.`,
    { cause, details: { attempts } },
  );
}
