import { nameOf, type EntityRef } from './entity.js';
import { describe, SyncError } from './errors.js';

/** What a value is: an error's words, made only when there is one. */
export type What = string | EntityRef;

const MAX_DEPTH = 64;

/**
 * A private copy of `value` that JSON carries unchanged, so that what is shown after a reload is what is sent (OB6).
 * Undefined fields are dropped and -0 becomes 0, as JSON would do; whatever JSON would silently alter (`NaN`, `Date`,
 * `Map`, class instances, `undefined` in an array, cycles) throws `NOT_SERIALIZABLE` with its path.
 */
export function toJson<T>(value: T, what: What): T {
  return copy(value, what, '', 0, refuse) as T;
}

/**
 * A private copy of `value` that structured clone carries unchanged: everything of {@link toJson}, and `Date`, `Map`,
 * `BigInt`, `Blob`, … for a mutation that is sent by its own function (OB6).
 */
export function toCloneable<T>(value: T, what: What): T {
  return copy(value, what, '', 0, cloneExotic) as T;
}

type Exotic = (value: unknown, what: What, path: string, why: string) => unknown;

function copy(value: unknown, what: What, path: string, depth: number, exotic: Exotic): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value + 0 : exotic(value, what, path, 'JSON turns it into null');
    case 'undefined':
      return path === '' ? value : exotic(value, what, path, 'JSON turns it into null; use null');
    case 'bigint':
      return exotic(value, what, path, 'JSON has no bigint; use a string');
    case 'symbol':
    case 'function':
      return refuse(value, what, path, 'it cannot be stored');
    case 'object':
      break;
  }
  if (value === null) return null;
  if (depth > MAX_DEPTH)
    return refuse(value, what, path, `it is nested deeper than ${MAX_DEPTH} levels (a cycle?)`);
  if (Array.isArray(value)) {
    const out: unknown[] = [];
    // Not `map`: it skips the holes of a sparse array, which JSON turns into null.
    for (let i = 0; i < value.length; i++) out.push(copy(value[i], what, `${path}[${i}]`, depth + 1, exotic));
    return out;
  }
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) return exotic(value, what, path, 'JSON would change it');
  if (Object.getOwnPropertySymbols(value).length > 0)
    return refuse(value, what, path, 'symbol keys cannot be stored');
  const out: Record<string, unknown> = {};
  // Not `Object.keys`: it makes a list each time.
  for (const field in value) {
    const inner = (value as Record<string, unknown>)[field];
    if (inner === undefined || !Object.hasOwn(value, field)) continue;
    setField(out, field, copy(inner, what, path === '' ? field : `${path}.${field}`, depth + 1, exotic));
  }
  return out;
}

/** Sets an own field whatever its name: a plain assignment to `__proto__` would vanish (LF3). */
export function setField(target: Record<string, unknown>, field: string, value: unknown): void {
  if (field === '__proto__')
    Object.defineProperty(target, field, { value, enumerable: true, configurable: true, writable: true });
  else target[field] = value;
}

const wordsFor = (what: What): string => (typeof what === 'string' ? what : nameOf(what));

function refuse(value: unknown, what: What, path: string, why: string): never {
  throw new SyncError(
    'NOT_SERIALIZABLE',
    `${wordsFor(what)}: ${path === '' ? 'the value' : path} is ${describe(value)}; ${why}.`,
    {
      details: { path },
    },
  );
}

function cloneExotic(value: unknown, what: What, path: string): unknown {
  try {
    return structuredClone(value);
  } catch (cause) {
    throw new SyncError(
      'NOT_SERIALIZABLE',
      `${wordsFor(what)}: ${path === '' ? 'the value' : path} is ${describe(value)}; it cannot be stored.`,
      {
        cause,
        details: { path },
      },
    );
  }
}

/** About the length of `value` as JSON, in UTF-16 units; stops counting once it exceeds `limit`. */
export function jsonSize(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 2;
  for (const field in value) {
    size += field.length + 4 + jsonSize((value as Record<string, unknown>)[field], limit - size);
    if (size > limit) return size;
  }
  return size;
}
