import { sameValue, type Change } from './changes.js';
import type { Row } from './entity.js';
import { setField } from './serialize.js';

/**
 * What takes `change` back on a row that is now `row`, touching only what nobody has changed since (MU4); undefined
 * when nothing of it is left to take back.
 *
 * | change | taken back by                                                       |
 * | ------ | ------------------------------------------------------------------- |
 * | insert | a delete, if the row is still as it was inserted                     |
 * | update | the previous values of those fields that still are what it made them |
 * | delete | an insert of the row as it was, if there is none now                |
 */
export function inverse(change: Change, row: Row | undefined): Change | undefined {
  const { collection, id } = change;
  switch (change.kind) {
    case 'insert':
      return row !== undefined && sameValue(row, change.row)
        ? { kind: 'delete', collection, id, previous: row }
        : undefined;
    case 'delete':
      return row === undefined ? { kind: 'insert', collection, id, row: change.previous } : undefined;
    case 'update':
      return row === undefined ? undefined : inverseUpdate(change, row);
  }
}

function inverseUpdate(change: Extract<Change, { kind: 'update' }>, row: Row): Change | undefined {
  const patch: Record<string, unknown> = {};
  const unset: string[] = [];
  const previous: Record<string, unknown> = {};
  const takeBack = (field: string): void => {
    if (Object.hasOwn(change.previous, field)) setField(patch, field, change.previous[field]);
    else unset.push(field);
    if (Object.hasOwn(row, field)) setField(previous, field, row[field]);
  };
  for (const field of Object.keys(change.patch))
    if (Object.hasOwn(row, field) && sameValue(row[field], change.patch[field])) takeBack(field);
  for (const field of change.unset) if (!Object.hasOwn(row, field)) takeBack(field);
  if (Object.keys(patch).length === 0 && unset.length === 0) return undefined;
  return { kind: 'update', collection: change.collection, id: change.id, patch, unset, previous };
}
