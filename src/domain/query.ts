import { sameValue } from './changes.js';
import type { Row } from './entity.js';
import { describe, SyncError } from './errors.js';

/** A condition on one field: a value it equals, or comparisons. */
export type FieldCondition<V> =
  | V
  | {
      readonly eq?: V;
      readonly ne?: V;
      readonly in?: readonly V[];
      readonly gt?: V;
      readonly gte?: V;
      readonly lt?: V;
      readonly lte?: V;
      /** Text contains, ignoring case. */
      readonly contains?: string;
    };

export type Where<T> = { readonly [F in keyof T]?: FieldCondition<T[F]> };

export type OrderBy<T> =
  (keyof T & string) | { readonly field: keyof T & string; readonly direction: 'asc' | 'desc' };

export interface Query<T> {
  /** Conditions as data, all of which must hold; or a function of a row. */
  readonly where?: Where<T> | ((row: T) => boolean);
  /** @default the order in which rows became known */
  readonly orderBy?: OrderBy<T> | readonly OrderBy<T>[];
  /** @default 0 */
  readonly offset?: number;
  /** @default all */
  readonly limit?: number;
}

const OPERATORS = {
  eq: (value: unknown, operand: unknown) => sameValue(value, operand),
  ne: (value: unknown, operand: unknown) => !sameValue(value, operand),
  in: (value: unknown, operand: unknown) =>
    Array.isArray(operand) && operand.some((one) => sameValue(value, one)),
  gt: (value: unknown, operand: unknown) => comparable(value, operand) && compareValues(value, operand) > 0,
  gte: (value: unknown, operand: unknown) => comparable(value, operand) && compareValues(value, operand) >= 0,
  lt: (value: unknown, operand: unknown) => comparable(value, operand) && compareValues(value, operand) < 0,
  lte: (value: unknown, operand: unknown) => comparable(value, operand) && compareValues(value, operand) <= 0,
  contains: (value: unknown, operand: unknown) =>
    typeof value === 'string' && value.toLowerCase().includes(String(operand).toLowerCase()),
};

/** A function that tells whether a row meets `where`. */
export function predicate<T>(where: Query<T>['where']): (row: T) => boolean {
  if (where === undefined) return () => true;
  if (typeof where === 'function') return where;
  if (typeof where !== 'object' || (where as unknown) === null)
    throw new SyncError(
      'INVALID_OPTIONS',
      `where is an object of conditions or a function of a row, received ${describe(where)}.`,
    );
  const tests = Object.entries(where).map(([field, condition]) => fieldTest(field, condition));
  return (row) => tests.every((test) => test(row as Row));
}

function fieldTest(field: string, condition: unknown): (row: Row) => boolean {
  if (!isOperators(condition)) return (row) => sameValue(row[field], condition);
  const tests = Object.entries(condition).filter(([, operand]) => operand !== undefined);
  return (row) =>
    tests.every(([name, operand]) => OPERATORS[name as keyof typeof OPERATORS](row[field], operand));
}

function isOperators(condition: unknown): condition is Row {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) return false;
  const names = Object.keys(condition);
  return names.length > 0 && names.every((name) => Object.hasOwn(OPERATORS, name));
}

/** A total order of rows: by the fields named, then by id, so that a limit cuts at the same place every time. */
export function comparator<T>(
  orderBy: Query<T>['orderBy'],
): ((a: readonly [string, T], b: readonly [string, T]) => number) | undefined {
  if (orderBy === undefined) return undefined;
  const fields = (Array.isArray(orderBy) ? orderBy : [orderBy]).map((o: OrderBy<T>) =>
    typeof o === 'string' ? { field: o, sign: 1 } : { field: o.field, sign: o.direction === 'desc' ? -1 : 1 },
  );
  return ([idA, a], [idB, b]) => {
    for (const { field, sign } of fields) {
      const order = compareValues((a as Row)[field], (b as Row)[field]);
      if (order !== 0) return sign * order;
    }
    return idA < idB ? -1 : idA > idB ? 1 : 0;
  };
}

/** The rows of `entries` that `query` asks for. */
export function select<T>(entries: Iterable<readonly [string, T]>, query: Query<T>): T[] {
  const meets = predicate(query.where);
  const found: (readonly [string, T])[] = [];
  for (const entry of entries) if (meets(entry[1])) found.push(entry);
  const order = comparator(query.orderBy);
  if (order !== undefined) found.sort(order);
  const from = count('offset', query.offset) ?? 0;
  const limit = count('limit', query.limit);
  return found.slice(from, limit === undefined ? undefined : from + limit).map(([, row]) => row);
}

function count(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0) || value === Infinity) return value;
  throw new SyncError('INVALID_OPTIONS', `${name} is a whole number from 0, received ${describe(value)}.`);
}

/** One key for equal queries, where `where` is data; undefined for a function. */
export function queryKey(query: Query<never>): string | undefined {
  if (typeof query.where === 'function') return undefined;
  return keyText([query.where, query.orderBy, query.offset, query.limit]);
}

/** Not JSON: there `undefined`, `NaN`, infinities and dates look like something else, and one query gets another's rows. */
function keyText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (Array.isArray(value)) return `[${value.map(keyText).join()}]`;
  const fields = Object.entries(value).map(([field, inner]) => `${JSON.stringify(field)}:${keyText(inner)}`);
  return `{${fields.sort().join()}}`;
}

const rank = (value: unknown): number =>
  value === undefined
    ? 0
    : value === null
      ? 1
      : typeof value === 'boolean'
        ? 2
        : typeof value === 'number' || value instanceof Date
          ? 3
          : 4;

const comparable = (a: unknown, b: unknown): boolean => a != null && b != null && rank(a) === rank(b);

/** Missing, null, booleans, numbers and dates, then text by code unit. */
function compareValues(a: unknown, b: unknown): number {
  const difference = rank(a) - rank(b);
  if (difference !== 0) return difference;
  const [x, y] = [a, b] as [string, string];
  return x < y ? -1 : x > y ? 1 : 0;
}
