import type { Query } from './query.js';

/** One key for equal queries, where `where` is data; undefined for a function. */
export function queryKey(query: Query<never>): string | undefined {
  if (typeof query.where === 'function') return undefined;
  return keyText([query.where, query.orderBy, query.offset, query.limit]);
}

/** Not JSON: there `undefined`, `NaN`, infinities and dates look like something else, and one query gets another's rows. */
export function keyText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (Array.isArray(value)) return `[${value.map(keyText).join()}]`;
  const fields = Object.entries(value).map(([field, inner]) => `${JSON.stringify(field)}:${keyText(inner)}`);
  return `{${fields.sort().join()}}`;
}
