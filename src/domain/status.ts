import type { PullProgress } from './session.js';

/** In one word, what a user should know; the first that applies, from top to bottom. */
export type SyncPhase =
  /** The outbox is still being read. */
  | 'starting'
  | 'paused'
  /** The server wants the user to sign in again; everything is kept. */
  | 'needsAuth'
  | 'offline'
  | 'sending'
  /** The last attempt failed, the next has its time. */
  | 'waiting'
  | 'pending'
  /** Something refused is still shown: see `deadLetters()` and `conflicts()`. */
  | 'needsAttention'
  /** The server has confirmed everything that is shown. */
  | 'synced';

/** Whether a server that keeps failing is left alone (RT4). */
export type BreakerStatus =
  | { readonly state: 'closed' }
  /** Nothing is sent before `until`, in milliseconds since the epoch. */
  | { readonly state: 'open'; readonly until: number }
  /** One request finds out. */
  | { readonly state: 'half-open' };

/** The state of synchronisation, derived from the ledger (OS1). */
export interface SyncStatus {
  readonly phase: SyncPhase;
  /** The platform's opinion. */
  readonly online: boolean;
  /** Whether this tab drains. */
  readonly leader: boolean;
  /** Whether edits survive the end of the process. */
  readonly durable: boolean;
  /** Undecided mutations, those being sent and held included. */
  readonly pending: number;
  readonly sending: number;
  /** Waiting after a failure, or parked. */
  readonly held: number;
  /** Dead letters, those included that are still shown. */
  readonly failed: number;
  /** Conflicts that the user has to decide (CF4): their mutations are among `failed`, not among `pending`. */
  readonly conflicts: number;
  /** Refused, and still shown (`onRejected: 'hold'`): among `failed`, not among `pending`. */
  readonly needsAttention: number;
  readonly needsAuth: boolean;
  readonly breaker: BreakerStatus;
  /** Milliseconds since the epoch of the last exchange that left nothing undone. */
  readonly lastSyncedAt: number | undefined;
  /** Of a pull that takes more than one page, in the tab that drains; undefined otherwise. */
  readonly progress: PullProgress | undefined;
}

export type StatusFacts = Omit<SyncStatus, 'phase'> & { readonly ready: boolean; readonly paused: boolean };

export function deriveStatus({ ready, paused, ...facts }: StatusFacts): SyncStatus {
  return { phase: phaseOf({ ready, paused, ...facts }), ...facts };
}

function phaseOf(facts: StatusFacts): SyncPhase {
  if (!facts.ready) return 'starting';
  if (facts.paused) return 'paused';
  if (facts.needsAuth) return 'needsAuth';
  if (!facts.online) return 'offline';
  if (facts.sending > 0) return 'sending';
  if (facts.held > 0) return 'waiting';
  if (facts.pending > 0) return 'pending';
  return facts.needsAttention + facts.conflicts > 0 ? 'needsAttention' : 'synced';
}

/** How a pending mutation stands, by which it is counted. */
export type Standing = 'pending' | 'sending' | 'held' | 'needsAttention' | 'conflict';

/** How many there are of each standing. */
export type Tally = Record<Standing, number>;

/** OS2. */
export type EntityStatus = 'synced' | 'pending' | 'sending' | 'held' | 'conflict' | 'failed';

/** @param standings of the mutations that change it */
export function deriveEntityStatus(standings: ReadonlySet<Standing>, failed: boolean): EntityStatus {
  for (const status of ['conflict', 'sending', 'held', 'pending'] as const)
    if (standings.has(status)) return status;
  return failed ? 'failed' : 'synced';
}
