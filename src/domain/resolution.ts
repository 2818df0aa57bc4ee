import { keyOf } from './changes.js';
import type { ConflictRow } from './conflict.js';
import {
  combine,
  sendMine,
  sendRow,
  withFields,
  type ConflictOutcome,
  type RowVerdict,
} from './conflictOutcome.js';
import type { Dispute } from './dispute.js';
import type { EntityKey, Row } from './entity.js';
import { describe, SyncError } from './errors.js';
import { own } from './listById.js';
import { editsOf, isHalf, meet, meeting } from './meeting.js';
import { isObject } from './wire.js';

/**
 * What the user says of one row: either side's, or the values of fields, on top of theirs and of what only mine has
 * changed; undefined removes a field. Every contested field has to be among them.
 */
export type RowResolution = 'mine' | 'theirs' | { readonly fields: Readonly<Record<string, unknown>> };

/** What the user says of a conflict (CF4): of all its rows; `fields` of its only one; or row by row, by `collection/id`. */
export type Resolution = RowResolution | { readonly rows: Readonly<Record<EntityKey, RowResolution>> };

/**
 * What becomes of a conflict that the user has decided on: never `ask`. All `'theirs'` is `server`, `chosen`.
 * Throws `VALIDATION`, and decides nothing, for a resolution that does not fit the conflict; `NOT_SERIALIZABLE` for
 * values that cannot be sent.
 */
export function resolveConflict(
  rows: readonly ConflictRow[],
  resolution: Resolution,
  rules: Pick<Dispute, 'idOf' | 'encode'>,
): Exclude<ConflictOutcome, { kind: 'ask' }> {
  const verdicts = rows.map((row) => resolveRow(row, partOf(row, rows, resolution), rules));
  const outcome = combine(rows, verdicts);
  if (outcome.kind === 'ask') throw bad(describe(resolution));
  return outcome;
}

function partOf(row: ConflictRow, rows: readonly ConflictRow[], resolution: Resolution): unknown {
  if (!isObject(resolution) || !('rows' in resolution)) {
    if (isObject(resolution) && rows.length > 1)
      throw bad(`{ fields } for ${rows.length} rows; say it row by row, as { rows: { "${keyOf(row)}": … } }`);
    return resolution;
  }
  const parts: unknown = resolution.rows;
  const of = isObject(parts) ? own(parts, keyOf(row)) : undefined;
  if (of === undefined) throw bad(`nothing for "${keyOf(row)}"`);
  return of;
}

function resolveRow(
  row: ConflictRow,
  resolution: unknown,
  { idOf, encode }: Pick<Dispute, 'idOf' | 'encode'>,
): RowVerdict {
  if (resolution === 'theirs') return { kind: 'dropped' };
  const what = `${row.collection} "${row.id}"`;
  if (isHalf(row))
    throw bad(`${describe(resolution)} for ${what}, which is gone and not known as a whole; take 'theirs'`);
  if (resolution === 'mine') return sendMine(row);
  const fields = isObject(resolution) ? resolution['fields'] : undefined;
  if (!isObject(fields)) throw bad(describe(resolution));
  const open = contestedFields(row).filter((field) => !Object.hasOwn(fields, field));
  if (open.length > 0) throw bad(`no value for ${open.join(', ')} of ${what}`);
  const copies = encode(fields, what);
  const chosen = new Map(Object.keys(fields).map((field) => [field, own(copies, field)]));
  const next = withFields(startOf(row), chosen);
  if (idOf(row.collection, next) !== row.id) throw bad(`another key for ${what}`);
  const verdict = sendRow(row, next, false);
  return verdict.kind === 'there' && meet(row) !== 'there' ? { kind: 'dropped' } : verdict;
}

/** Theirs, with what only mine has changed; mine, where theirs is gone. */
function startOf({ changes, mine, theirs }: ConflictRow): Row {
  const there = theirs?.row;
  if (there === undefined) return mine ?? {};
  const edits = changes.flatMap((change) => (change.kind === 'delete' ? [] : editsOf(change)));
  const free = edits.filter((edit) => meeting(edit, own(there, edit.field)) === 'free');
  return withFields(there, new Map(free.map((edit) => [edit.field, edit.mine])));
}

function contestedFields({ changes, theirs }: ConflictRow): readonly string[] {
  const there = theirs?.row;
  if (there === undefined) return [];
  return changes
    .flatMap((change) => (change.kind === 'delete' ? [] : editsOf(change)))
    .filter((edit) => meeting(edit, own(there, edit.field)) === 'contested')
    .map((edit) => edit.field);
}

function bad(received: string): SyncError {
  return new SyncError(
    'VALIDATION',
    `A resolution is 'mine', 'theirs', { fields } with every contested field, or { rows } with one of these for each row; received ${received}. The conflict is as it was.`,
  );
}
