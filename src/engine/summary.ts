import type { Verdict } from '../domain/reconcile.js';
import type { Op } from './seal.js';
import type { Decision } from './settle.js';

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

/** Counts from start-up on; a drain's summary is the difference of two readings. Merged mutations count one by one. */
export interface SummaryCounter {
  readonly total: ProcessingSummary;
  request(bytes: number, sent: readonly Op[], verdicts: readonly Verdict[]): void;
  /** What became of a conflict. */
  judged(decision: Decision): void;
  annulled(): void;
}

export function createSummaryCounter(): SummaryCounter {
  const total = { ...ZERO };
  function count(verdict: Verdict, mutations: number): void {
    switch (verdict.kind) {
      case 'accepted':
        total.confirmed += mutations;
        return;
      case 'refused':
        if (mutations > 1)
          total.retried += mutations; // split: each goes by itself
        else total.rejected++;
        if (verdict.error.code === 'CONFLICT') total.conflicts++;
        return;
      case 'conflict':
        total.conflicts++;
        return;
      case 'retry':
      case 'hold':
        total.retried += mutations;
        return;
      case 'undecided':
        total.deferred += mutations;
        return;
    }
  }
  return {
    total,
    request(bytes, sent, verdicts) {
      total.requests++;
      total.bytesSent += bytes;
      verdicts.forEach((verdict, i) => {
        const mutations = sent[i]?.members.length ?? 1;
        total.attempted += mutations;
        count(verdict, mutations);
      });
    },
    judged({ kind, members }) {
      if (kind === 'accepted') total.confirmed += members.length;
      else if (kind === 'refused') total.rejected += members.length;
      else total.retried += members.length;
    },
    annulled() {
      total.annulled++;
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
