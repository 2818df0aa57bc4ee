import { describe, SyncError } from './errors.js';
import type { Query } from './query.js';

/** One key for equal queries, where `where` is data; undefined for a function. */
export function queryKey(query: Query<never>): string | undefined {
  if (typeof query.where === 'function') return undefined;
  return keyText([query.where, query.orderBy, query.offset, query.limit]);
}

/**
 * Not JSON: there `undefined`, `NaN`, infinities and dates look like something else, and one query gets another's rows.
 * What is equal to nothing but itself (`Map`, class instances, functions) has no text.
 */
export function keyText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'function') return refuse(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (Array.isArray(value)) return `[${value.map(keyText).join()}]`;
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== null && Object.getPrototypeOf(proto) !== null) return refuse(value);
  const fields = Object.entries(value).map(([field, inner]) => `${JSON.stringify(field)}:${keyText(inner)}`);
  return `{${fields.sort().join()}}`;
}

function refuse(operand: unknown): never {
  throw new SyncError(
    'INVALID_OPTIONS',
    `A query of data compares plain data and dates, received ${describe(operand)}; ask for it by a function as where.`,
  );
}
