import { SyncError } from '../domain/errors.js';
import type { Clock } from './ports.js';

export interface TimeLimit {
  /** Milliseconds. */
  readonly ms: number;
  readonly clock: Pick<Clock, 'sleep'>;
  /** Nobody wants to know any more. */
  readonly signal: AbortSignal;
}

/**
 * What `work` resolves to, or what `late` makes of it when the time is up or nobody waits: only then is the signal of
 * `work` aborted, and what comes of it later ignored (RT3).
 */
export async function withinTime<R extends object>(
  work: (signal: AbortSignal) => Promise<R>,
  late: (error: SyncError) => R,
  { ms, clock, signal }: TimeLimit,
): Promise<R> {
  const own = new AbortController();
  const timer = new AbortController();
  const abort = (): void => {
    own.abort(signal.reason);
    timer.abort();
  };
  signal.addEventListener('abort', abort);
  try {
    const found = await Promise.race([work(own.signal), clock.sleep(ms, timer.signal).then(() => undefined)]);
    if (found !== undefined) return found;
    const error = new SyncError('TIMEOUT', `No answer within ${ms} ms.`);
    own.abort(error);
    return late(error);
  } finally {
    timer.abort();
    signal.removeEventListener('abort', abort);
  }
}
