import type { Row } from './entity.js';
import type { OrderBy, Query } from './query.js';

/** Which of two rows comes first. Never 0 for rows of different ids, so that each has one place. */
export type RowOrder<T> = (idA: string, a: T, idB: string, b: T) => number;

/**
 * A total order of rows, so that a limit cuts at the same place every time: by the fields named, or else by the `place`
 * of the id; then by id.
 */
export function rowOrder<T>(orderBy: Query<T>['orderBy'], place: (id: string) => number): RowOrder<T> {
  const fields = (orderBy === undefined ? [] : Array.isArray(orderBy) ? orderBy : [orderBy]).map(
    (o: OrderBy<T>) =>
      typeof o === 'string'
        ? { field: o, sign: 1 }
        : { field: o.field, sign: o.direction === 'desc' ? -1 : 1 },
  );
  const byId = (idA: string, idB: string): number => (idA < idB ? -1 : idA > idB ? 1 : 0);
  if (orderBy === undefined) return (idA, _a, idB) => place(idA) - place(idB) || byId(idA, idB);
  return (idA, a, idB, b) => {
    for (const { field, sign } of fields) {
      const order = compareValues((a as Row)[field], (b as Row)[field]);
      if (order !== 0) return sign * order;
    }
    return byId(idA, idB);
  };
}

/** 0 missing, 1 null, 2 a boolean, 3 NaN, 4 a number or date, 5 text, 6 anything else. */
function kindOf(value: unknown): number {
  if (value === undefined) return 0;
  if (value === null) return 1;
  if (typeof value === 'boolean') return 2;
  if (typeof value === 'bigint') return 4;
  if (typeof value === 'number' || value instanceof Date) return Number.isNaN(Number(value)) ? 3 : 4;
  return typeof value === 'string' ? 5 : 6;
}

/** Whether one of two values can be greater than the other. */
export function comparable(a: unknown, b: unknown): boolean {
  const kind = kindOf(a);
  return kind === kindOf(b) && kind > 1 && kind < 6;
}

/** By kind; then booleans, numbers and dates by value, and text by code unit. Anything else orders like its kind. */
export function compareValues(a: unknown, b: unknown): number {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return kind - kindOf(b);
  if (kind === 6) return 0;
  const [x, y] = [a, b] as [string, string];
  return x < y ? -1 : x > y ? 1 : 0;
}
