import { entityKey, type EntityKey, type EntityRef, type Row } from './entity.js';
import { setField } from './serialize.js';

/**
 * The effect of a mutation on one entity. Fields are top-level: a changed nested value is set as a whole, and `null`
 * is a value like any other, so removal has a list of its own (CF6). `previous` holds what the changed fields were.
 */
export type Change =
  | { readonly kind: 'insert'; readonly collection: string; readonly id: string; readonly row: Row }
  | {
      readonly kind: 'update';
      readonly collection: string;
      readonly id: string;
      readonly patch: Row;
      readonly unset: readonly string[];
      readonly previous: Row;
    }
  | { readonly kind: 'delete'; readonly collection: string; readonly id: string; readonly previous: Row };

export function keyOf(of: EntityRef): EntityKey {
  return entityKey(of.collection, of.id);
}

/** The row after `change`. An update of a row that is gone shows nothing: never half a row (RD5). */
export function applyChange(row: Row | undefined, change: Change): Row | undefined {
  switch (change.kind) {
    case 'insert':
      return change.row;
    case 'delete':
      return undefined;
    case 'update': {
      if (row === undefined) return undefined;
      const next = withFields(row, change.patch);
      for (const field of change.unset) Reflect.deleteProperty(next, field);
      return next;
    }
  }
}

/** `{ ...row, ...fields }`. Engines are fast at the first spread of an object and slow at a second. */
function withFields(row: Row, fields: Row): Record<string, unknown> {
  const next = { ...row };
  // Not `Object.keys`: it makes a list each time.
  for (const field in fields) if (Object.hasOwn(fields, field)) setField(next, field, fields[field]);
  return next;
}

/**
 * The change that leads from `before` to `after`, or undefined when they hold the same. `among`: all fields that can
 * differ, where that is known.
 */
export function diff(
  collection: string,
  id: string,
  before: Row | undefined,
  after: Row | undefined,
  among?: readonly string[],
): Change | undefined {
  if (before === after) return undefined;
  if (before === undefined)
    return after === undefined ? undefined : { kind: 'insert', collection, id, row: after };
  if (after === undefined) return { kind: 'delete', collection, id, previous: before };
  const patch: Record<string, unknown> = {};
  const previous: Record<string, unknown> = {};
  let unset: string[] | undefined;
  let changed = false;
  for (const field of among ?? fieldsOf(before, after)) {
    const old = Object.hasOwn(before, field) ? before[field] : undefined;
    const value = Object.hasOwn(after, field) ? after[field] : undefined;
    if (old === value || sameValue(old, value)) continue;
    changed = true;
    if (value === undefined) (unset ??= []).push(field);
    else setField(patch, field, value);
    if (old !== undefined) setField(previous, field, old);
  }
  return changed ? { kind: 'update', collection, id, patch, unset: unset ?? NONE, previous } : undefined;
}

/** Those of `after`, then those that only `before` has. */
function fieldsOf(before: Row, after: Row): readonly string[] {
  const fields = Object.keys(after);
  for (const field of Object.keys(before)) if (!Object.hasOwn(after, field)) fields.push(field);
  return fields;
}

/** Shared by the thousands that remove nothing: stored once per log record, and kept once. */
const NONE: readonly string[] = [];

/** Equal as data: primitives and dates by value, arrays and plain objects by content, anything else by identity. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  return typeof a === 'object' && typeof b === 'object' && a !== null && b !== null && sameContent(a, b);
}

function sameContent(a: object, b: object): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime());
  const proto: unknown = Object.getPrototypeOf(a);
  if (proto !== Object.getPrototypeOf(b) || (proto !== Object.prototype && proto !== null)) return false;
  const fields = Object.keys(a);
  return (
    fields.length === Object.keys(b).length &&
    fields.every((field) => Object.hasOwn(b, field) && sameValue((a as Row)[field], (b as Row)[field]))
  );
}
