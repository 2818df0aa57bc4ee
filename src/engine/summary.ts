import type { Verdict } from '../domain/reconcile.js';

/** What a drain did (SC5). */
export interface ProcessingSummary {
  readonly attempted: number;
  readonly confirmed: number;
  readonly rejected: number;
  readonly retried: number;
  readonly conflicts: number;
  /** Undecided because the server stopped before them. */
  readonly deferred: number;
  readonly annulled: number;
  readonly requests: number;
  readonly bytesSent: number;
  readonly durationMs: number;
}

const ZERO: ProcessingSummary = {
  attempted: 0,
  confirmed: 0,
  rejected: 0,
  retried: 0,
  conflicts: 0,
  deferred: 0,
  annulled: 0,
  requests: 0,
  bytesSent: 0,
  durationMs: 0,
};

/** Counts from start-up on; a drain's summary is the difference of two readings. */
export interface SummaryCounter {
  readonly total: ProcessingSummary;
  request(bytes: number): void;
  count(verdicts: readonly Verdict[]): void;
}

export function createSummaryCounter(): SummaryCounter {
  const total = { ...ZERO };
  return {
    total,
    request(bytes) {
      total.requests++;
      total.bytesSent += bytes;
    },
    count(verdicts) {
      total.attempted += verdicts.length;
      for (const verdict of verdicts)
        switch (verdict.kind) {
          case 'accepted':
            total.confirmed++;
            break;
          case 'refused':
            total.rejected++;
            if (verdict.error.code === 'CONFLICT') total.conflicts++;
            break;
          case 'retry':
          case 'hold':
            total.retried++;
            break;
          case 'undecided':
            total.deferred++;
            break;
        }
    },
  };
}

export function since(
  before: ProcessingSummary,
  now: ProcessingSummary,
  durationMs: number,
): ProcessingSummary {
  const difference = Object.fromEntries(
    Object.keys(ZERO).map((field) => [
      field,
      now[field as keyof ProcessingSummary] - before[field as keyof ProcessingSummary],
    ]),
  );
  return { ...(difference as unknown as ProcessingSummary), durationMs };
}
