import { sameValue, type Change } from './changes.js';
import type { ConflictRow } from './conflict.js';
import { own } from './listById.js';

/** One field that mine sets, or removes. Undefined is an absent field. */
export interface Edit {
  readonly field: string;
  readonly base: unknown;
  readonly mine: unknown;
}

/** What an insert or an update does, field by field. */
export function editsOf(change: Exclude<Change, { kind: 'delete' }>): readonly Edit[] {
  switch (change.kind) {
    case 'insert':
      return Object.keys(change.row).map((field) => ({
        field,
        base: undefined,
        mine: own(change.row, field),
      }));
    case 'update':
      return [
        ...Object.keys(change.patch).map((field) => ({ field, mine: own(change.patch, field) })),
        ...change.unset.map((field) => ({ field, mine: undefined })),
      ].map((edit) => ({ ...edit, base: own(change.previous, edit.field) }));
  }
}

export type Meeting = 'there' | 'free' | 'contested';

/**
 * The heart of every three-way merge:
 *
 * | theirs is  | the edit is                                   |
 * | ---------- | --------------------------------------------- |
 * | as mine    | `there` already                               |
 * | as base    | `free`: only mine has changed it              |
 * | else       | `contested`                                   |
 */
export function meeting({ base, mine }: Edit, theirs: unknown): Meeting {
  if (sameValue(mine, theirs)) return 'there';
  return sameValue(base, theirs) ? 'free' : 'contested';
}

/** The same of a row: whether it stands already, nobody else's write stands against it, or one does. */
export function meet({ changes, theirs, base, mine }: ConflictRow): Meeting {
  const [change] = changes;
  if (change === undefined || theirs === undefined) return 'free';
  if (mine === undefined || change.kind === 'delete') {
    if (sameValue(theirs.row, mine)) return 'there';
    return theirs.row === undefined || sameValue(theirs.row, base) ? 'free' : 'contested';
  }
  const there = theirs.row;
  if (there === undefined) return change.kind === 'insert' ? 'free' : 'contested';
  const met = editsOf(change).map((edit) => meeting(edit, own(there, edit.field)));
  if (met.includes('contested')) return 'contested';
  return met.includes('free') ? 'free' : 'there';
}

/** Whether what was never sent yet would overwrite what was written since it was made. */
export function isContested(rows: readonly ConflictRow[]): boolean {
  return rows.some((row) => meet(row) === 'contested');
}

/** Mine cannot be shown, nor sent, as a whole (RD5). */
export function isHalf({ partial, mine, theirs }: ConflictRow): boolean {
  return partial && mine !== undefined && theirs?.row === undefined;
}
