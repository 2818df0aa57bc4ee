import { SyncError } from './errors.js';
import type { Verdict } from './reconcile.js';
import type { Reply } from './reply.js';

/** What one request says beyond the mutations in it. */
export interface RequestOutcome {
  /** Something was decided, so the server was reached. */
  readonly answered: boolean;
  readonly unauthorized: boolean;
  /** Nothing came back at all. */
  readonly unreachable: boolean;
  /**
   * It counts against the server's health (RT4): nothing decided, and a retry of the whole origin. A 429 does not: who
   * asks for less is well. What is neither `answered` nor `failed` (a hold, a 429, one op's own 5xx) says nothing of it.
   */
  readonly failed: boolean;
  /** Milliseconds for which the server's rate limit leaves no further request; 0 when it leaves some, or says nothing. */
  readonly restMs: number;
  /** Why nothing more may be sent that way for a while; undefined when the next request may go. */
  readonly stop: { readonly error: SyncError; readonly retryAfterMs?: number } | undefined;
}

/**
 * | the verdicts                                                | the whole transport waits for |
 * | ----------------------------------------------------------- | ----------------------------- |
 * | any is on hold: sign in, update the app                     | that                          |
 * | any is a retry in which the server speaks for itself        | that, not before its          |
 * | (429, 503: `UNAVAILABLE` of the whole origin)               | `Retry-After`                 |
 * | nothing decided, and any is a retry of the whole origin     | that                          |
 * | all undecided                                               | `UNAVAILABLE`                 |
 * | anything else: each failed mutation waits in its own lane   | nothing (SC3)                 |
 *
 * @param replies what the verdicts were made from, one each, in their order
 */
export function requestOutcome(verdicts: readonly Verdict[], replies: readonly Reply[]): RequestOutcome {
  const answered = verdicts.some(({ kind }) => DECIDED.has(kind));
  const has = (code: SyncError['code']): boolean =>
    verdicts.some((verdict) => waits(verdict) && verdict.error.code === code);
  return {
    answered,
    unauthorized: has('UNAUTHORIZED'),
    unreachable: !answered && has('NETWORK'),
    failed: !answered && verdicts.some((verdict, i) => isOutage(verdict, replies[i])),
    restMs: replies.reduce((longest, reply) => Math.max(longest, restOf(reply)), 0),
    stop:
      verdicts.reduce<RequestOutcome['stop']>(
        (stop, verdict) => stopOf(verdict, answered) ?? stop,
        undefined,
      ) ?? mute(verdicts),
  };
}

const DECIDED: ReadonlySet<Verdict['kind']> = new Set(['accepted', 'refused', 'conflict']);

type Waiting = Extract<Verdict, { kind: 'retry' | 'hold' }>;

function waits(verdict: Verdict): verdict is Waiting {
  return verdict.kind === 'retry' || verdict.kind === 'hold';
}

function isOutage(verdict: Verdict, reply: Reply | undefined): boolean {
  const asksForLess = reply?.kind === 'answer' && reply.status === 429;
  return verdict.kind === 'retry' && verdict.wholeOrigin && !asksForLess;
}

const restOf = (reply: Reply): number => (reply.kind === 'answer' ? (reply.restMs ?? 0) : 0);

function stopOf(verdict: Verdict, answered: boolean): RequestOutcome['stop'] {
  if (verdict.kind === 'hold') return { error: verdict.error };
  if (verdict.kind !== 'retry' || !verdict.wholeOrigin || (answered && verdict.error.code !== 'UNAVAILABLE'))
    return undefined;
  const { error, retryAfterMs } = verdict;
  return { error, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

function mute(verdicts: readonly Verdict[]): RequestOutcome['stop'] {
  const isMute = verdicts.every(({ kind }) => kind === 'undecided');
  return isMute
    ? { error: new SyncError('UNAVAILABLE', 'The server answered, and decided nothing.') }
    : undefined;
}
