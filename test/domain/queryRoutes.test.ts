import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Row } from '../../src/domain/entity.js';
import { predicate, type Query } from '../../src/domain/query.js';
import { createQueryRoutes } from '../../src/domain/queryRoutes.js';

type Where = Query<Row>['where'];

const value = fc.constantFrom<unknown[]>(
  null,
  undefined,
  true,
  0,
  -0,
  1,
  NaN,
  '1',
  'null',
  1n,
  new Date(1),
  [1],
);
const row = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), value, { noNullPrototype: true });
const condition = fc.oneof(
  value,
  fc.record({ eq: value }),
  fc.record({ eq: value, gt: value }),
  fc.record({ gt: value }),
);
const where: fc.Arbitrary<Where> = fc.oneof(
  fc.constant(undefined),
  fc.constant(({ a }: Row) => a === 1),
  fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), condition, {
    noNullPrototype: true,
  }) as fc.Arbitrary<Where>,
);
const maybeRow = fc.option(row, { nil: undefined });

test('ST9 whatever a row meets is concerned by its change, once, until it is taken away', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(where, fc.boolean())), maybeRow, maybeRow, (asked, former, next) => {
      const routes = createQueryRoutes<number>();
      asked.forEach(([one], n) => routes.add(one, n));
      asked.forEach(([one, stays], n) => stays || routes.delete(one, n));
      const concerned = [...routes.concerned(former, next)];
      expect(new Set(concerned).size).toBe(concerned.length);
      asked.forEach(([one, stays], n) => {
        const meets = [former, next].some((r) => r !== undefined && predicate(one)(r));
        if (!stays) expect(concerned).not.toContain(n);
        else if (meets) expect(concerned).toContain(n);
      });
    }),
    { numRuns: 1_000 },
  ));

test('ST9 a query for a value is not even looked at when rows of other values change', () => {
  const routes = createQueryRoutes<number>();
  for (let n = 0; n < 1_000; n++) routes.add({ list: `l${n}`, done: false, rank: { gt: 3 } }, n);
  routes.add({ rank: { gt: 3 } }, -1);
  expect([...routes.concerned({ list: 'l1', done: false }, { list: 'l2', done: false })]).toEqual([1, 2, -1]);
  expect([...routes.concerned({ list: 'l1', done: true }, { list: 'l1', done: false })]).toEqual([1, -1]);
});
