import type { Change } from './changes.js';
import { describe, SyncError } from './errors.js';
import type { MutationRecord } from './mutation.js';
import { isBuiltIn } from './definition.js';
import { setField } from './serialize.js';
import { isObject } from './wire.js';

// A built-in mutation is stored as its changes; as variables it has what the built-in definitions take:
// the row to insert, `{id, patch}` (an undefined field is removed), or the id to delete.

/** What a mutation was called with; of a built-in one with several changes, nothing. */
export function variablesOf(record: MutationRecord): unknown {
  if (!isBuiltIn(record.name)) return record.variables;
  const [change, ...others] = record.changes;
  if (change === undefined || others.length > 0) return undefined;
  switch (change.kind) {
    case 'insert':
      return change.row;
    case 'update': {
      const patch: Record<string, unknown> = { ...change.patch };
      for (const field of change.unset) setField(patch, field, undefined);
      return { id: change.id, patch };
    }
    case 'delete':
      return change.id;
  }
}

/** The changes of a built-in mutation whose variables were edited. Throws `VALIDATION` for what is none of its kind. */
export function editedChanges(record: MutationRecord, variables: unknown): readonly Change[] {
  const [change, ...others] = record.changes;
  if (change === undefined || others.length > 0)
    throw new SyncError(
      'VALIDATION',
      `"${record.name}" has several changes; it can be retried as it is only.`,
    );
  const bad = (what: string): never => {
    throw new SyncError('VALIDATION', `"${record.name}" takes ${what}, received ${describe(variables)}.`);
  };
  switch (change.kind) {
    case 'insert':
      return isObject(variables) ? [{ ...change, row: variables }] : bad('the row to insert');
    case 'update': {
      const patch = isObject(variables) ? variables['patch'] : undefined;
      if (!isObject(patch)) return bad('{ id, patch }');
      const unset = Object.keys(patch).filter((field) => patch[field] === undefined);
      return [{ ...change, patch, unset }];
    }
    case 'delete':
      return typeof variables === 'string' ? [{ ...change, id: variables }] : bad('the id to delete');
  }
}
