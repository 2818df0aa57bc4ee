import type { SyncError } from './errors.js';

export type PullOperation = 'delta' | 'full';

/** Where a sync session is (PL2). */
export type SessionPhase = 'validate' | 'prepare' | 'execute' | 'verify' | 'cleanup';

export interface PullProgress {
  readonly phase: SessionPhase;
  /**
   * `full`: everything is read, because nothing is known yet, the server has forgotten our cursor, it was asked for, or
   * what is here did not add up to what the server has.
   */
  readonly operation: PullOperation;
  /** Of this session, all of them stored. */
  readonly pages: number;
  readonly rows: number;
  /** Of the full read under way: rows that have been read, in former sessions too. */
  readonly done?: number;
  /** How many there were at its beginning, where the server says so. */
  readonly total?: number;
}

/** `repaired`: it was not equal, and is after a full read. `different`: still not; it is not tried again before the next start. */
export type Verified = 'equal' | 'repaired' | 'different';

export type PullResult =
  | {
      readonly kind: 'up-to-date';
      readonly rows: number;
      readonly pages: number;
      /** What comparing with the server's sums came to; absent: nothing was compared. */
      readonly verified?: Verified;
    }
  | { readonly kind: 'failed'; readonly error: SyncError }
  /** What was stored until then stays, and the next session goes on from there. */
  | { readonly kind: 'cancelled' };
