import { sameValue } from './changes.js';
import { setField } from './serialize.js';
import { isObject } from './wire.js';

/**
 * The value that, sent in a JSON Merge Patch, turns `before` into `after`: of objects what differs, and null for what
 * is gone; anything else as a whole. Null means removal there, so a field set to null and a removed one are the same.
 * Source: RFC 7396 §2.
 */
export function mergePatch(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return after;
  const patch: Record<string, unknown> = {};
  for (const field of Object.keys(after)) {
    const old = own(before, field);
    if (!sameValue(old, after[field])) setField(patch, field, mergePatch(old, after[field]));
  }
  for (const field of Object.keys(before))
    if (before[field] !== undefined && !Object.hasOwn(after, field)) setField(patch, field, null);
  return patch;
}

/**
 * Whether `whole` has all that `part` says, and whatever else. Null is as good as absent, and a number as its text:
 * many a server keeps neither apart. A list counts as a whole.
 */
export function holds(whole: unknown, part: unknown): boolean {
  if (part === null || part === undefined) return whole === null || whole === undefined;
  if (isObject(part))
    return isObject(whole) && Object.keys(part).every((field) => holds(own(whole, field), part[field]));
  return isPlain(part) && isPlain(whole) ? String(whole) === String(part) : sameValue(whole, part);
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function own(of: Record<string, unknown>, field: string): unknown {
  return Object.hasOwn(of, field) ? of[field] : undefined;
}
