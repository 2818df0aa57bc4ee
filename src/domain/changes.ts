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
      if (change.unset.length > 0) for (const field of change.unset) Reflect.deleteProperty(next, field);
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
  const change: Update = { kind: 'update', collection, id, patch: {}, unset: NONE, previous: {} };
  let isAny = false;
  // Not `Object.keys`: it makes a list each time.
  if (among !== undefined) for (const field of among) isAny = compare(before, after, field, change) || isAny;
  else {
    for (const field in after) isAny = compare(before, after, field, change) || isAny;
    for (const field in before)
      if (!Object.hasOwn(after, field)) isAny = compare(before, after, field, change) || isAny;
  }
  return isAny ? change : undefined;
}

/** One that is being made. */
interface Update extends EntityRef {
  readonly kind: 'update';
  readonly patch: Record<string, unknown>;
  unset: readonly string[];
  readonly previous: Record<string, unknown>;
}

/** Notes what `field` was and is, where that is not the same. */
function compare(before: Row, after: Row, field: string, change: Update): boolean {
  const old = Object.hasOwn(before, field) ? before[field] : undefined;
  const value = Object.hasOwn(after, field) ? after[field] : undefined;
  if (old === value || sameValue(old, value)) return false;
  if (value === undefined) change.unset = [...change.unset, field];
  else setField(change.patch, field, value);
  if (old !== undefined) setField(change.previous, field, old);
  return true;
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
