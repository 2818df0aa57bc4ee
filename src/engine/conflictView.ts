import { fieldDiffs, type Conflict, type FieldDiff } from '../domain/conflict.js';
import type { Row } from '../domain/entity.js';
import { restoreError, type SyncError } from '../domain/errors.js';
import type { Ids } from '../domain/identity.js';
import type { DeadLetter, Token } from '../domain/mutation.js';

/** A conflict that waits for the user (CF4). */
export interface ConflictView {
  /** What `resolve` takes. */
  readonly id: Token;
  /** The mutations that wait for it. */
  readonly tokens: readonly Token[];
  /** The definition's name. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** Why the user is asked, where a resolver failed. */
  readonly error: SyncError | undefined;
  readonly rows: readonly ConflictRowView[];
}

export interface ConflictRowView {
  readonly collection: string;
  readonly id: string;
  /** What mine was made from; undefined where there was no row. */
  readonly base: Row | undefined;
  /** Undefined: deleted. */
  readonly mine: Row | undefined;
  /** As it was last heard of: pulls keep it up to date. Undefined: deleted. */
  readonly theirs: Row | undefined;
  /** When theirs was written, in milliseconds since the epoch by the server's clock, where it says so. */
  readonly theirsAt: number | undefined;
  /** The fields on which the sides differ, those that mine has changed first. */
  readonly diff: readonly FieldDiff[];
}

export interface ConflictFilter {
  readonly collection?: string;
  readonly id?: string;
}

export function viewConflict({ id, tokens, name, askedAt, error, rows }: Conflict): ConflictView {
  return {
    id,
    tokens,
    name,
    askedAt,
    error: error && restoreError(error),
    rows: rows.map((row) => ({
      collection: row.collection,
      id: row.id,
      base: row.base,
      mine: row.mine,
      theirs: row.theirs?.row,
      theirsAt: row.theirs?.at,
      diff: fieldDiffs(row),
    })),
  };
}

/** One per conflict, whatever the number of mutations that wait for it. */
export function lettersInConflict(letters: Iterable<DeadLetter>): readonly DeadLetter[] {
  const first = new Map<Token, DeadLetter>();
  for (const letter of letters)
    if (letter.conflict !== undefined && !first.has(letter.conflict.id))
      first.set(letter.conflict.id, letter);
  return [...first.values()];
}

/** An id that the server has replaced finds the row as well (ID1). */
export function matchesConflict(
  { rows }: ConflictView,
  { collection, id }: ConflictFilter,
  ids: Ids,
): boolean {
  return rows.some(
    (row) =>
      (collection === undefined || row.collection === collection) &&
      (id === undefined || ids.resolve(row.collection, row.id) === ids.resolve(row.collection, id)),
  );
}
