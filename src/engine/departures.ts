import { auditSlot, type AuditEntry } from '../domain/audit.js';
import type { AnyCollection } from '../domain/collection.js';
import { entityKey, type ServerRow } from '../domain/entity.js';
import type { SyncError } from '../domain/errors.js';
import type { AssignedId } from '../domain/identity.js';
import {
  idempotencyKey,
  type DeadLetter,
  type MutationRecord,
  type Outcome,
  type StoredOutcome,
  type Token,
} from '../domain/mutation.js';
import { META, rewriting, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { MetaRecord, StorageWrite, StoredRow } from './ports.js';
import type { Store } from './store.js';

export interface Leaving {
  readonly mutation: PendingMutation;
  readonly outcome: Outcome;
  /** The error itself, where it is known here: it carries its cause. */
  readonly error?: SyncError;
  /** Milliseconds for which the server wants no further attempt. */
  readonly retryAfterMs?: number;
  /** Refused, and still shown (RT7). */
  readonly held?: DeadLetter;
}

/** What one transaction changes of the pending mutations and of the base; then it is one change of the view. */
export interface Departure {
  /** Stored by this write as one log record: the newest of all. */
  readonly entering?: readonly PendingMutation[];
  readonly leaving: readonly Leaving[];
  /** They go on with another record. */
  readonly rebased: ReadonlyMap<PendingMutation, MutationRecord>;
  readonly rows: readonly ServerRow[];
  /** Conflicts that it decides (CF5). */
  readonly audit?: readonly AuditEntry[];
  readonly write: StorageWrite;
}

export interface Books {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly collections: ReadonlyMap<string, AnyCollection>;
}

/** Whether it is still undecided, and was sent with that key: the compare of every compare-and-swap on `(token, rev)`. */
export function isCurrent(mutation: PendingMutation, key: string | undefined): boolean {
  const { phase, inLedger } = mutation;
  if (!inLedger) return false;
  return phase.kind === 'sealed'
    ? idempotencyKey(phase.sealed) === key
    : key === undefined && mutation.undecided;
}

/** That all is in step, when nothing is pending once `leaving` has left. */
export function inStep(ledger: Ledger, leaving: readonly Leaving[], now: number): readonly MetaRecord[] {
  let undecided = ledger.pending.size - leaving.length;
  for (const { held } of ledger.deadLetters.values()) if (held === true) undecided--;
  return undecided === 0 ? [{ key: META.syncedAt, value: now }] : [];
}

/** Takes `members` out: rolled back, discarded, or merged to nothing. */
export function planLeave(
  ledger: Ledger,
  members: readonly PendingMutation[],
  outcome: Outcome,
  write: StorageWrite = {},
): Departure {
  const leaving = members.map((mutation) => ({ mutation, outcome }));
  return departure(ledger, { leaving, rebased: new Map(), rows: [], put: write.put }, write.remove);
}

/** Those that are not shown any more. */
export const goneOf = (leaving: readonly Leaving[]): readonly PendingMutation[] =>
  leaving.filter((l) => l.held === undefined).map((l) => l.mutation);

export function departure(
  ledger: Ledger,
  { put: more, ...parts }: Omit<Departure, 'write'> & { readonly put: StorageWrite['put'] },
  alsoRemove: StorageWrite['remove'] = {},
): Departure {
  const gone = goneOf(parts.leaving);
  const held = parts.leaving.filter((l) => l.held !== undefined).map((l) => l.mutation);
  const stored = new Map([...parts.rebased].filter(([mutation]) => mutation.seq !== Infinity));
  const unsealed = [...held, ...parts.rebased.keys()];
  const { put, remove } = rewriting(ledger, gone, unsealed, stored);
  const write: StorageWrite = {
    put: {
      ...put,
      ...more,
      seals: [...(put.seals ?? []), ...(more?.seals ?? [])],
      meta: [...(put.meta ?? []), ...(more?.meta ?? []), ...(parts.audit ?? []).map(storedEntry)],
      rows: parts.rows.map(storedRow),
    },
    remove: { ...remove, ...alsoRemove },
    outcomes: outcomesOf(parts.leaving),
  };
  return { ...parts, write };
}

/** What was decided as one has one outcome. */
function outcomesOf(leaving: readonly Leaving[]): readonly StoredOutcome[] {
  const tokens = new Map<Outcome, Token[]>();
  leaving.forEach(({ mutation, outcome }) => {
    const those = tokens.get(outcome);
    if (those === undefined) tokens.set(outcome, [mutation.token]);
    else those.push(mutation.token);
  });
  return [...tokens].map(([outcome, those]) => ({ tokens: those, outcome: storable(outcome) }));
}

export const storedId = (assigned: AssignedId): MetaRecord => ({
  key: `${META.id}${entityKey(assigned.collection, assigned.from)}`,
  value: assigned,
});

const storedRow = ({ collection, id, ...row }: ServerRow): StoredRow => ({
  key: entityKey(collection, id),
  ...row,
});

const storedEntry = (entry: AuditEntry): MetaRecord => ({
  key: `${META.audit}${auditSlot(entry.seq)}`,
  value: entry,
});

// A result that cannot be cloned must not fail the transaction that settles its mutation: other tabs do without it.
function storable(outcome: Outcome): Outcome {
  if (outcome.kind !== 'accepted' || outcome.result === undefined) return outcome;
  try {
    return { kind: 'accepted', result: structuredClone(outcome.result) };
  } catch {
    return { kind: 'accepted', result: undefined };
  }
}
