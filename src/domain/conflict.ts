import { applyChange, keyOf, sameValue, type Change } from './changes.js';
import type { BaseRow, EntityKey, Row, ServerRow, Version } from './entity.js';
import type { StoredError } from './errors.js';
import { own } from './listById.js';
import { editsOf, meeting } from './meeting.js';
import type { Token } from './mutation.js';
import { setField } from './serialize.js';

/** What the server has of a row. */
export interface Theirs {
  /** Undefined: it is deleted, or never was. */
  readonly row: Row | undefined;
  readonly version: Version | undefined;
  /** When it was last written, in milliseconds since the epoch by the server's clock, where it says so. */
  readonly at?: number;
}

/** One row that a mutation changes, as each side has it. Plain data: it survives structured clone. */
export interface ConflictRow {
  readonly collection: string;
  readonly id: string;
  /** What mine does to it: one change; or a delete and an insert, which replace it. */
  readonly changes: readonly Change[];
  /** The version that was sent with it. */
  readonly version: Version | undefined;
  /** What mine was made from; undefined where there was no row. */
  readonly base: Row | undefined;
  /** Of base no more is known than the fields that mine changed: mine may be half a row, which is never sent (RD5). */
  readonly partial: boolean;
  /** The row as mine would have it; undefined: deleted. */
  readonly mine: Row | undefined;
  /** Undefined: the server has not shown it. */
  readonly theirs: Theirs | undefined;
}

/** A mutation that the user has to decide on (CF4), as it is stored. */
export interface Conflict {
  /** Of what was sent: of a mutation, or of what several were merged into. */
  readonly id: Token;
  /** The mutations that wait for it. */
  readonly tokens: readonly Token[];
  /** The definition's name. */
  readonly name: string;
  readonly rows: readonly ConflictRow[];
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** Why the user is asked, where a resolver failed. */
  readonly error?: StoredError;
}

/** One field of a row on which the sides differ. A side that has not got it lacks the member; null is a value (CF6). */
export interface FieldDiff {
  readonly field: string;
  readonly base?: unknown;
  readonly mine?: unknown;
  readonly theirs?: unknown;
  /** Both sides have changed it, to different values. */
  readonly contested: boolean;
}

interface Sent {
  readonly changes: readonly Change[];
  /** One per change. */
  readonly versions?: readonly (Version | undefined)[];
}

/**
 * The rows of a mutation, each with what the server has.
 * @param known what the base has of a row now, which may be newer than what mine was made from
 * @param shown what the server has shown; of rows that it shows twice, the last counts
 */
export function conflictRows(
  { changes, versions = [] }: Sent,
  known: (key: EntityKey) => BaseRow | undefined,
  shown: readonly (ServerRow & Theirs)[],
): readonly ConflictRow[] {
  const theirs = new Map(shown.map((row) => [keyOf(row), theirsOf(row)]));
  const byKey = new Map<EntityKey, { readonly first: number; readonly changes: Change[] }>();
  changes.forEach((change, first) => {
    const entry = byKey.get(keyOf(change));
    if (entry === undefined) byKey.set(keyOf(change), { first, changes: [change] });
    else entry.changes.push(change);
  });
  return [...byKey].map(([key, of]) =>
    conflictRow(of.changes, versions[of.first], wholeOf(known(key)), theirs.get(key)),
  );
}

const wholeOf = (known: BaseRow | undefined): Row | undefined => known?.row ?? known?.was;

/**
 * The same rows, with what the base knows of them by now: pulls go on while the user is asked, and a refusal that is told
 * again shows what was there then. Only numbers tell what is newer.
 */
export function upToDate(
  rows: readonly ConflictRow[],
  known: (key: EntityKey) => BaseRow | undefined,
): readonly ConflictRow[] {
  return rows.map((row) => {
    const base = known(keyOf(row));
    return isKnownNewer(base, row.theirs) ? onTopOf(row, theirsOf(base)) : row;
  });
}

function isKnownNewer(base: BaseRow | undefined, theirs: Theirs | undefined): base is BaseRow {
  const [now, then] = [base?.version, theirs?.version];
  return typeof now === 'number' && typeof then === 'number' && now > then;
}

const theirsOf = ({ row, version, at }: Theirs): Theirs => ({
  row,
  version,
  ...(at !== undefined && { at }),
});

function conflictRow(
  changes: readonly Change[],
  version: Version | undefined,
  known: Row | undefined,
  theirs: Theirs | undefined,
): ConflictRow {
  const [first] = changes as readonly [Change, ...Change[]];
  const { collection, id } = first;
  const partial = first.kind === 'update' && known === undefined;
  const base = first.kind === 'insert' ? undefined : baseOf(first, known);
  return onTopOf({ collection, id, changes, version, base, partial }, theirs);
}

/** Of a row that is not known as a whole, mine is what it would be on top of theirs, where that is there. */
function onTopOf(row: Omit<ConflictRow, 'mine' | 'theirs'>, theirs: Theirs | undefined): ConflictRow {
  const start = row.partial ? (theirs?.row ?? row.base) : row.base;
  return { ...row, mine: row.changes.reduce<Row | undefined>(applyChange, start), theirs };
}

/** What `change` recorded of the row, over what else is known of it. */
function baseOf(change: Exclude<Change, { kind: 'insert' }>, known: Row | undefined): Row {
  if (change.kind === 'delete') return change.previous;
  const base: Record<string, unknown> = { ...known };
  for (const { field, base: was } of editsOf(change))
    if (was === undefined) Reflect.deleteProperty(base, field);
    else setField(base, field, was);
  return base;
}

/** The fields on which the sides differ, those that mine has changed first. Of a deleted row no field is contested. */
export function fieldDiffs(row: ConflictRow): readonly FieldDiff[] {
  const sides = { base: row.base, mine: row.mine, theirs: row.theirs?.row };
  const edits = row.changes.flatMap((change) => (change.kind === 'delete' ? [] : editsOf(change)));
  const rest = row.partial ? [] : Object.values(sides).flatMap((side) => Object.keys(side ?? {}));
  const fields = new Set([...edits.map((edit) => edit.field), ...rest]);
  return [...fields].flatMap((field) => {
    const has = Object.entries(sides).filter(
      ([, side]) => side !== undefined && own(side, field) !== undefined,
    );
    const [base, mine, theirs] = Object.values(sides).map((side) => side && own(side, field));
    if (sameValue(base, mine) && sameValue(mine, theirs)) return [];
    const bothThere = sides.mine !== undefined && sides.theirs !== undefined;
    const changedHere = !sameValue(base, mine);
    return [
      {
        field,
        ...Object.fromEntries(has.map(([name, side]) => [name, side && own(side, field)])),
        contested: bothThere && changedHere && meeting({ field, base, mine }, theirs) === 'contested',
      },
    ];
  });
}
