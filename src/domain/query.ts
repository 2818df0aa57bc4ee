import { sameValue } from './changes.js';
import type { Row } from './entity.js';
import { describe, SyncError } from './errors.js';
import { comparable, compareValues } from './rowOrder.js';

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

/**
 * The fields for which `where` asks for one plain value, with that value. A row whose fields are others does not meet it.
 */
export function equalities(
  where: Query<Row>['where'],
): readonly (readonly [field: string, value: unknown])[] {
  if (typeof where !== 'object') return [];
  return Object.entries<unknown>(where).flatMap(([field, condition]) => {
    const value = isOperators(condition) ? condition['eq'] : condition;
    const isAny = isOperators(condition) && value === undefined;
    return isAny || !isPlain(value) ? [] : [[field, value] as const];
  });
}

/** Equal to nothing but itself. */
export const isPlain = (value: unknown): boolean =>
  value === null || (typeof value !== 'object' && typeof value !== 'function');

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

/** The positions that `query` asks for: from the first up to, and without, the second. */
export function windowOf(query: Pick<Query<never>, 'offset' | 'limit'>): {
  readonly from: number;
  readonly to: number;
} {
  const from = count('offset', query.offset) ?? 0;
  return { from, to: from + (count('limit', query.limit) ?? Infinity) };
}

function count(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0) || value === Infinity) return value;
  throw new SyncError('INVALID_OPTIONS', `${name} is a whole number from 0, received ${describe(value)}.`);
}
