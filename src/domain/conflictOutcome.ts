import { diff, keyOf, type Change } from './changes.js';
import type { ConflictRow } from './conflict.js';
import type { Row, Version } from './entity.js';
import type { SyncError } from './errors.js';
import { editsOf } from './meeting.js';
import { setField } from './serialize.js';

/** What becomes of a mutation that has met another's write. */
export type ConflictOutcome =
  /** All that mine wanted is there already: accepted (CF3). */
  | { readonly kind: 'confirmed' }
  /** It is refused with `CONFLICT`, and kept as a dead letter; the server's rows are in the base. */
  | { readonly kind: 'server'; readonly reason: ServerReason }
  /** It goes again, as these changes of what the server has, under a new key (CF3). */
  | {
      readonly kind: 'resend';
      readonly changes: readonly Change[];
      /** What each change is based on now: as the server has told it, whatever its type. */
      readonly versions: readonly (Version | undefined)[];
      /** Nothing of it was given up or altered: a named mutation may be run again on the new base instead (ST3). */
      readonly asMeant: boolean;
    }
  /** The user decides (CF4). `error`: because a resolver failed. */
  | { readonly kind: 'ask'; readonly error?: SyncError };

/**
 * Why the server prevails:
 * - `chosen`: so says the strategy, or the user;
 * - `unknown`: the server has not shown what it has;
 * - `unchanged`: it shows the very version that was sent, so it is not the version that it refuses; the same again
 *   would be refused again, for ever;
 * - `incomplete`: the row is gone, and of mine only some fields are known: half a row is never sent (RD5).
 */
export type ServerReason = 'chosen' | 'unknown' | 'unchanged' | 'incomplete';

/** What becomes of one row of it. */
export type RowVerdict =
  | { readonly kind: 'there' }
  /** Piece by piece, all of it was given up: nothing is left to send. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'server'; readonly reason: ServerReason }
  | { readonly kind: 'ask'; readonly error?: SyncError }
  | { readonly kind: 'send'; readonly changes: readonly Change[]; readonly asMeant: boolean };

/**
 * A mutation is one unit (ST5): the first that applies to any of its rows, from top to bottom, is its outcome.
 *
 * | a row's verdict          | the mutation                                    |
 * | ------------------------ | ----------------------------------------------- |
 * | `ask`                    | `ask`                                           |
 * | `server`                 | `server`                                        |
 * | `send`                   | `resend`: the changes of all rows that send any |
 * | `dropped`                | `server`, `chosen`: nothing of mine was accepted |
 * | none: all are `there`    | `confirmed`                                     |
 */
export function combine(rows: readonly ConflictRow[], verdicts: readonly RowVerdict[]): ConflictOutcome {
  const first = <K extends RowVerdict['kind']>(kind: K): Extract<RowVerdict, { kind: K }> | undefined =>
    verdicts.find((v): v is Extract<RowVerdict, { kind: K }> => v.kind === kind);
  const decided = first('ask') ?? first('server');
  if (decided !== undefined) return decided;
  const sending = verdicts.flatMap((v) => (v.kind === 'send' ? [v] : []));
  if (sending.length === 0)
    return first('dropped') === undefined ? { kind: 'confirmed' } : { kind: 'server', reason: 'chosen' };
  const changes = sending.flatMap((v) => v.changes);
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const versions = changes.map((change) => {
    const row = byKey.get(keyOf(change));
    return row?.theirs === undefined ? row?.version : row.theirs.version;
  });
  const asMeant = first('dropped') === undefined && sending.every((v) => v.asMeant);
  return { kind: 'resend', changes, versions, asMeant };
}

/** Mine, on top of theirs. */
export function sendMine(row: ConflictRow): RowVerdict {
  const { collection, id, changes, mine, partial, theirs } = row;
  const [change, ...others] = changes;
  if (change === undefined || theirs === undefined) return { kind: 'send', changes, asMeant: true };
  const send = (...of: readonly Change[]): RowVerdict => ({ kind: 'send', changes: of, asMeant: true });
  if (mine === undefined)
    return theirs.row === undefined
      ? { kind: 'there' }
      : send({ kind: 'delete', collection, id, previous: theirs.row });
  if (theirs.row === undefined)
    return partial
      ? { kind: 'server', reason: 'incomplete' }
      : {
          kind: 'send',
          changes: [{ kind: 'insert', collection, id, row: mine }],
          asMeant: change.kind === 'insert',
        };
  if (change.kind === 'delete')
    // a replace: exactly the new row
    return send({ kind: 'delete', collection, id, previous: theirs.row }, ...others);
  const values = new Map(editsOf(change).map((edit) => [edit.field, edit.mine]));
  return sendRow(row, withFields(theirs.row, values), change.kind === 'update');
}

/** Whatever makes the row what it is to be: `next`. */
export function sendRow(row: ConflictRow, next: Row, asMeant: boolean): RowVerdict {
  const change = diff(row.collection, row.id, row.theirs?.row, next);
  return change === undefined ? { kind: 'there' } : { kind: 'send', changes: [change], asMeant };
}

/** `row` with these values; undefined takes a field out. */
export function withFields(row: Row, values: ReadonlyMap<string, unknown>): Row {
  const next: Record<string, unknown> = { ...row };
  for (const [field, value] of values)
    if (value === undefined) Reflect.deleteProperty(next, field);
    else setField(next, field, value);
  return next;
}
