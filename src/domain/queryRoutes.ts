import type { Row } from './entity.js';
import { equalities, isPlain, type Query } from './query.js';
import { keyText } from './queryKey.js';

/** Which of many queries a changed row can concern: those that ask for a value are found by it, not asked one by one. */
export interface QueryRoutes<Q> {
  add(where: Query<Row>['where'], subject: Q): void;
  delete(where: Query<Row>['where'], subject: Q): void;
  /** Each subject at most once. One that is not among them is met by neither row. */
  concerned(former: Row | undefined, next: Row | undefined): Iterable<Q>;
}

/** The queries that ask for a value of the same fields, by these values. Those that ask for none have no fields. */
interface Shape<Q> {
  readonly fields: readonly string[];
  readonly byValues: Map<string, Set<Q>>;
}

export function createQueryRoutes<Q>(): QueryRoutes<Q> {
  const shapes = new Map<string, Shape<Q>>();

  function routeOf(where: Query<Row>['where']) {
    const equal = [...equalities(where)].sort(([a], [b]) => (a < b ? -1 : 1));
    const fields = equal.map(([field]) => field);
    return { fields, shape: keyText(fields), values: keyText(equal.map(([, value]) => value)) };
  }

  return {
    add(where, subject) {
      const { fields, shape, values } = routeOf(where);
      const { byValues } = shapes.get(shape) ?? { byValues: new Map<string, Set<Q>>() };
      shapes.set(shape, { fields, byValues });
      byValues.set(values, (byValues.get(values) ?? new Set()).add(subject));
    },
    delete(where, subject) {
      const { shape, values } = routeOf(where);
      const byValues = shapes.get(shape)?.byValues;
      const subjects = byValues?.get(values);
      subjects?.delete(subject);
      if (subjects?.size === 0) byValues?.delete(values);
      if (byValues?.size === 0) shapes.delete(shape);
    },
    *concerned(former, next) {
      for (const { fields, byValues } of shapes.values()) {
        const [before, after] = [valuesOf(former, fields), valuesOf(next, fields)];
        if (before !== undefined) yield* byValues.get(before) ?? [];
        if (after !== undefined && after !== before) yield* byValues.get(after) ?? [];
      }
    },
  };
}

function valuesOf(row: Row | undefined, fields: readonly string[]): string | undefined {
  const values = fields.map((field) => row?.[field]);
  return row !== undefined && values.every(isPlain) ? keyText(values) : undefined;
}
