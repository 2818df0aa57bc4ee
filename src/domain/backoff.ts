export interface RetryOptions {
  /** The first delay's upper bound in milliseconds. @default 1_000 */
  readonly baseMs: number;
  /** No delay exceeds this, in milliseconds. @default 60_000 */
  readonly capMs: number;
  /**
   * Attempts without an answer after which a mutation becomes a dead letter, counted from start-up; it is never
   * deleted (RT6). @default Infinity
   */
  readonly maxAttempts: number;
  /** On reconnect each client waits a random share of so many milliseconds; `critical` mutations do not (RT5). @default 2_000 */
  readonly spreadMs: number;
}

export const RETRY_DEFAULTS: RetryOptions = {
  baseMs: 1_000,
  capMs: 60_000,
  maxAttempts: Infinity,
  spreadMs: 2_000,
};

/**
 * Full jitter: uniform in `[0, min(cap, base · 2^(attempt-1))]`, so that clients which failed together do not return
 * together. Safe for any attempt number.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @param attempt 1 after the first failure
 * @param random uniform in [0, 1)
 */
export function backoffMs(
  attempt: number,
  options: Pick<RetryOptions, 'baseMs' | 'capMs'>,
  random: () => number,
): number {
  // 2^31 · 1 ms is 24 days: beyond it only the cap matters, and the power cannot overflow.
  const doublings = Math.min(Math.max(attempt - 1, 0), 31);
  return random() * Math.min(options.capMs, options.baseMs * 2 ** doublings);
}
