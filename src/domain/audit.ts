import { applyChange, keyOf } from './changes.js';
import type { AnyCollection } from './collection.js';
import type { ConflictRow, Theirs } from './conflict.js';
import type { ConflictOutcome, ServerReason } from './conflictOutcome.js';
import type { Row } from './entity.js';
import { storeError, type StoredError } from './errors.js';
import type { Token } from './mutation.js';

/** One row of a resolved conflict: what each side had, and what came of it. */
export interface AuditRow {
  readonly collection: string;
  readonly id: string;
  readonly base: Row | undefined;
  readonly mine: Row | undefined;
  readonly theirs: Theirs | undefined;
  /** The row as it is, or is to be once the server has accepted it; undefined: deleted. */
  readonly after: Row | undefined;
}

/** What was decided on one conflict (CF5), as plain data. */
export interface AuditEntry {
  /** Counts the entries of this storage, from 0. */
  readonly seq: number;
  /** Milliseconds since the epoch, by this device's clock. */
  readonly at: number;
  readonly token: Token;
  /** The definition's name. */
  readonly name: string;
  /** The strategies that applied, by collection; `user` where `resolve` decided. */
  readonly strategy: Readonly<Record<string, string>> | 'user';
  readonly outcome: ConflictOutcome['kind'];
  readonly reason?: ServerReason;
  /** Why the user was asked, where a resolver failed. */
  readonly error?: StoredError;
  readonly rows: readonly AuditRow[];
}

/** How many entries are kept. */
export const MAX_AUDIT_ENTRIES = 200;

/** An entry that has no place in the trail yet. */
export type Unplaced = Omit<AuditEntry, 'seq'>;

/** @param collections say which fields no record may hold (LF2) */
export function auditEntry(
  of: Pick<AuditEntry, 'at' | 'token' | 'name' | 'strategy'>,
  rows: readonly ConflictRow[],
  outcome: ConflictOutcome,
  collections: ReadonlyMap<string, AnyCollection>,
): Unplaced {
  const error = outcome.kind === 'ask' ? outcome.error : undefined;
  return {
    ...of,
    outcome: outcome.kind,
    ...(outcome.kind === 'server' && { reason: outcome.reason }),
    ...(error !== undefined && { error: storeError(error) }),
    rows: rows.map((row) => auditRow(row, outcome, collections.get(row.collection)?.redact ?? [])),
  };
}

function auditRow(row: ConflictRow, outcome: ConflictOutcome, redact: readonly string[]): AuditRow {
  const { collection, id, base, mine, theirs } = row;
  const changes = outcome.kind === 'resend' ? outcome.changes : outcome.kind === 'ask' ? row.changes : [];
  const after = changes
    .filter((change) => keyOf(change) === keyOf(row))
    .reduce<Row | undefined>(applyChange, theirs?.row);
  const kept = (side: Row | undefined): Row | undefined =>
    side && Object.fromEntries(Object.entries(side).filter(([field]) => !redact.includes(field)));
  return {
    collection,
    id,
    base: kept(base),
    mine: kept(mine),
    theirs: theirs && { ...theirs, row: kept(theirs.row) },
    after: kept(after),
  };
}

/**
 * Where an entry is stored: a ring, so that each write is one small record, and the newest replaces the oldest with no
 * separate deletion.
 */
export function auditSlot(seq: number): number {
  return seq % MAX_AUDIT_ENTRIES;
}

/** The trail in order, oldest first, never more than the newest {@link MAX_AUDIT_ENTRIES}. */
export function auditTrail(stored: Iterable<AuditEntry>): readonly AuditEntry[] {
  return [...stored].sort((a, b) => a.seq - b.seq).slice(-MAX_AUDIT_ENTRIES);
}

export function nextAuditSeq(trail: readonly AuditEntry[]): number {
  return trail.reduce((next, { seq }) => Math.max(next, seq + 1), 0);
}

/** The trail as JSON text; of what JSON cannot tell, the nearest: text for a bigint, a list for a map or a set. */
export function auditJson(trail: readonly AuditEntry[]): string {
  return JSON.stringify(trail, (_field, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });
}
