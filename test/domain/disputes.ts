import type { Change } from '../../src/domain/changes.js';
import { conflictRows, type ConflictRow, type Theirs } from '../../src/domain/conflict.js';
import type { AnyConflictStrategy } from '../../src/domain/conflictStrategy.js';
import type { Dispute } from '../../src/domain/dispute.js';
import type { Row } from '../../src/domain/entity.js';
import { setField, toJson } from '../../src/domain/serialize.js';

const at = { collection: 'todos', id: 'a' } as const;

export const insert = (row: Row): Change => ({ kind: 'insert', ...at, row });
export const remove = (previous: Row): Change => ({ kind: 'delete', ...at, previous });
export const replace = (previous: Row, row: Row): readonly Change[] => [remove(previous), insert(row)];
/** Undefined removes a field. */
export function update(base: Row, fields: Row): Change {
  const patch: Record<string, unknown> = {};
  const previous: Record<string, unknown> = {};
  const unset: string[] = [];
  for (const field of Object.keys(fields)) {
    if (fields[field] === undefined) unset.push(field);
    else setField(patch, field, fields[field]);
    if (Object.hasOwn(base, field)) setField(previous, field, base[field]);
  }
  return { kind: 'update', ...at, patch, unset, previous };
}

/** Sent at version 1, of a row of which the base still knows all. */
export function rowOf(
  changes: Change | readonly Change[],
  theirs: Theirs | Row | undefined,
  base?: Row,
): ConflictRow {
  const list = 'kind' in changes ? [changes] : changes;
  const shown =
    theirs !== undefined && 'version' in theirs ? (theirs as Theirs) : { row: theirs, version: 2 };
  const [row] = conflictRows(
    { changes: list, versions: list.map(() => 1) },
    () => base && { row: base, version: 1 },
    [{ ...at, ...shown }],
  );
  if (row === undefined) throw new Error('no changes');
  return row;
}

export const gone: Theirs = { row: undefined, version: 2 };

/** By default refused by the server, at a time that nobody has measured. */
export function dispute(
  rows: ConflictRow | readonly ConflictRow[],
  strategy: AnyConflictStrategy,
  more: Partial<Dispute> = {},
): Dispute {
  return {
    rows: 'changes' in rows ? [rows] : rows,
    writtenAt: undefined,
    strategyOf: () => strategy,
    idOf: (_collection, row) => row['id'] as string,
    encode: toJson,
    ...more,
  };
}
