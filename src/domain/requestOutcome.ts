import { SyncError } from './errors.js';
import type { Verdict } from './reconcile.js';

/** What the verdicts on one request say beyond the mutations in it. */
export interface RequestOutcome {
  /** Something was decided, so the server was reached. */
  readonly answered: boolean;
  readonly unauthorized: boolean;
  /** Nothing came back at all. */
  readonly unreachable: boolean;
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
 */
export function requestOutcome(verdicts: readonly Verdict[]): RequestOutcome {
  const answered = verdicts.some(({ kind }) => kind === 'accepted' || kind === 'refused');
  const has = (code: SyncError['code']): boolean =>
    verdicts.some((verdict) => waits(verdict) && verdict.error.code === code);
  return {
    answered,
    unauthorized: has('UNAUTHORIZED'),
    unreachable: !answered && has('NETWORK'),
    stop:
      verdicts.reduce<RequestOutcome['stop']>(
        (stop, verdict) => stopOf(verdict, answered) ?? stop,
        undefined,
      ) ?? mute(verdicts),
  };
}

type Waiting = Extract<Verdict, { kind: 'retry' | 'hold' }>;

function waits(verdict: Verdict): verdict is Waiting {
  return verdict.kind === 'retry' || verdict.kind === 'hold';
}

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
