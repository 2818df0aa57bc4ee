import { variablesOf } from '../domain/builtInVariables.js';
import type { Change } from '../domain/changes.js';
import { splitKey } from '../domain/entity.js';
import { restoreError, type SyncError } from '../domain/errors.js';
import type { Ids } from '../domain/identity.js';
import { touchedKeys, type DeadLetter, type Token } from '../domain/mutation.js';
import type { PendingFilter } from './pendingView.js';

/** A refused mutation as the app sees it (RT7). */
export interface DeadLetterView {
  readonly token: Token;
  readonly name: string;
  /** What `retry(token, editedVariables)` takes, edited: of a built-in mutation the row, `{id, patch}`, or the id. */
  readonly variables: unknown;
  readonly changes: readonly Change[];
  readonly entities: readonly { readonly collection: string; readonly id: string }[];
  readonly error: SyncError;
  /** Milliseconds since the epoch. */
  readonly refusedAt: number;
  /** What came of former attempts, oldest first. */
  readonly history: readonly { readonly error: SyncError; readonly refusedAt: number }[];
  /** Its value is still shown, and what follows it waits for it (`onRejected: 'hold'`). */
  readonly needsAttention: boolean;
  /** The conflict that it waits for, shown until `resolve` (CF4). */
  readonly conflict: Token | undefined;
  /** It was given up without an answer, and may have been carried out: `retry` without edits sends the same key (RT6). */
  readonly mayHaveArrived: boolean;
  /** The dead letter it was refused for (SC4): `retry` of that one brings this one back with it. */
  readonly causedBy: Token | undefined;
  readonly meta: unknown;
}

export function viewDeadLetter({
  token,
  record,
  error,
  refusedAt,
  held,
  sealed,
  conflict,
}: DeadLetter): DeadLetterView {
  return {
    token,
    name: record.name,
    variables: variablesOf(record),
    changes: record.changes,
    entities: touchedKeys(record.changes).map(splitKey),
    error: restoreError(error),
    refusedAt,
    history: (record.history ?? []).map((former) => ({
      error: restoreError(former.error),
      refusedAt: former.refusedAt,
    })),
    needsAttention: held === true && conflict === undefined,
    conflict: conflict?.id,
    mayHaveArrived: sealed !== undefined,
    causedBy: causeOf(error),
    meta: record.meta,
  };
}

export interface DeadLetterFilter extends Pick<PendingFilter, 'token' | 'name' | 'collection' | 'id'> {
  /** Only those whose value is still shown, or only those whose value was taken back. */
  readonly needsAttention?: boolean;
}

/** An id that the server has replaced finds the row as well (ID1). */
export function matchesLetter(letter: DeadLetterView, filter: DeadLetterFilter, ids: Ids): boolean {
  const { token, name, collection, id, needsAttention } = filter;
  return (
    (token === undefined || letter.token === token) &&
    (name === undefined || letter.name === name) &&
    (needsAttention === undefined || letter.needsAttention === needsAttention) &&
    ((collection === undefined && id === undefined) ||
      letter.entities.some(
        (e) =>
          (collection === undefined || e.collection === collection) &&
          (id === undefined || ids.resolve(e.collection, e.id) === ids.resolve(e.collection, id)),
      ))
  );
}

/** The token of what a mutation was refused for; undefined when it was refused for itself. */
export function causeOf(error: DeadLetter['error']): Token | undefined {
  const cause = error.code === 'DEPENDENCY' ? error.details?.['cause'] : undefined;
  return typeof cause === 'string' ? cause : undefined;
}
