import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCollectionIndex, type RowChange } from '../../src/domain/collectionIndex.js';
import type { Row } from '../../src/domain/entity.js';
import { predicate, type Query } from '../../src/domain/query.js';
import { rowOrder } from '../../src/domain/rowOrder.js';
import { rowList } from './rowList.js';

/** What a query is by definition: filter, sort, slice. Rows are in the order in which they became known. */
function select(rows: ReadonlyMap<string, Row>, query: Query<Row>): readonly Row[] {
  const places = [...rows.keys()];
  const order = rowOrder(query.orderBy, (id) => places.indexOf(id));
  const found = [...rows].filter(([, row]) => predicate(query.where)(row));
  const { offset = 0, limit = Infinity } = query;
  return found
    .sort(([idA, a], [idB, b]) => order(idA, a, idB, b))
    .slice(offset, offset + limit)
    .map(([, row]) => row);
}

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '__proto__', 'constructor');
const value = fc.constantFrom<unknown[]>(
  null,
  true,
  false,
  0,
  -0,
  1,
  2,
  NaN,
  Infinity,
  -Infinity,
  2n,
  '',
  'x',
  'X',
  '2',
  new Date(1),
  new Date(2),
  new Date(NaN),
  ['x'],
  { x: 1 },
);
/** Fields are often missing. */
const row = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { noNullPrototype: true });
const condition = fc.oneof(
  value,
  fc.record({ gt: value }),
  fc.record({ gte: value, lt: value }),
  fc.record({ ne: value }),
  fc.record({ in: fc.array(value, { maxLength: 3 }) }),
  fc.record({ eq: value }),
);
const where = fc.option(
  fc.oneof(
    fc.dictionary(fc.constantFrom('a', 'b'), condition, { noNullPrototype: true, maxKeys: 2 }),
    fc.constantFrom(
      (r: Row) => r['a'] === 1,
      (r: Row) => r['b'] !== undefined,
    ),
  ),
  { nil: undefined },
);
const field = fc.constantFrom('a', 'b', 'c');
const orderBy = fc.option(
  fc.oneof(
    field,
    fc.record({ field, direction: fc.constantFrom('asc', 'desc') }),
    fc.array(fc.record({ field, direction: fc.constantFrom('asc', 'desc') }), { maxLength: 3 }),
  ),
  { nil: undefined },
);
const bound = fc.option(fc.nat({ max: 4 }), { nil: undefined });
const query = fc
  .record({ where, orderBy, offset: bound, limit: bound })
  .map((q) => Object.fromEntries(Object.entries(q).filter(([, v]) => v !== undefined)) as Query<Row>);
/** Puts a row, or takes it away; `isLast` ends what is told at once. */
const step = fc.record({ id, row: fc.option(row, { nil: undefined, freq: 3 }), isLast: fc.boolean() });

test('ST9 after any changes an index holds what a fresh look would find, and the same array as long as that is the same', () =>
  fc.assert(
    fc.property(
      query,
      fc.uniqueArray(fc.tuple(id, row), { selector: ([key]) => key, maxLength: 6 }),
      fc.array(step, { maxLength: 40 }),
      (asked, start, steps) => {
        const rows = new Map<string, Row>(start);
        const places = new Map<string, number>();
        const place = (key: string): number => places.get(key) ?? NaN;
        const learn = (key: string): unknown => places.has(key) || places.set(key, places.size);
        for (const key of rows.keys()) learn(key);
        const known = (): Map<string, Row> =>
          new Map([...places.keys()].flatMap((key) => (rows.has(key) ? [[key, rows.get(key)!]] : [])));

        const index = createCollectionIndex(asked, rowList(rows), place);
        let shown = index.rows();
        expect(shown).toEqual(select(known(), asked));
        let changes: RowChange<Row>[] = [];
        steps.forEach((one, n) => {
          const former = rows.get(one.id);
          if (one.row === undefined) rows.delete(one.id);
          else {
            learn(one.id);
            rows.set(one.id, one.row);
          }
          changes.push({ id: one.id, former, next: one.row });
          if (!one.isLast && n < steps.length - 1) return;
          index.tell(changes);
          changes = [];
          const fresh = select(known(), asked);
          const next = index.rows();
          expect(next.length).toBe(fresh.length);
          next.forEach((r, i) => expect(r).toBe(fresh[i]));
          const isSame = shown.length === fresh.length && shown.every((r, i) => r === fresh[i]);
          expect(next === shown, 'the same array').toBe(isSame);
          shown = next;
        });
      },
    ),
    { numRuns: 500 },
  ));

test('ST9 any two values have an order, and it is one for all: NaN, dates, mixed types, missing fields', () =>
  fc.assert(
    fc.property(fc.array(row, { minLength: 3, maxLength: 3 }), orderBy, (three, by) => {
      const order = rowOrder<Row>(by, Number);
      const compare = (a: number, b: number): number =>
        Math.sign(order(`${a}`, three[a]!, `${b}`, three[b]!));
      for (const [a, b, c] of [
        [0, 1, 2],
        [1, 2, 0],
        [2, 0, 1],
      ] as const) {
        expect(compare(a, b)).toBe(-compare(b, a));
        expect(Math.abs(compare(a, b))).toBe(1);
        if (compare(a, b) < 0 && compare(b, c) < 0) expect(compare(a, c)).toBe(-1);
      }
    }),
    { numRuns: 1_000 },
  ));

test('ST9 a row outside of the window does not make the window anew, though it pushes nothing in or out', () => {
  const rows = Array.from({ length: 10 }, (_, n) => [`${n}`, { n }] as const);
  const index = createCollectionIndex<Row>({ orderBy: 'n', offset: 3, limit: 3 }, rowList(rows), Number);
  const shown = index.rows();
  const told = (n: number, to: number | undefined): readonly Row[] => {
    const next = to === undefined ? undefined : { n: to };
    index.tell([{ id: `${n}`, former: { n }, next }]);
    const seen = index.rows();
    index.tell([{ id: `${n}`, former: next, next: { n } }]);
    return seen;
  };
  expect(told(8, undefined), 'gone behind it').toBe(shown);
  expect(told(0, 1.5), 'moved before it').toBe(shown);
  expect(told(9, 7.5), 'moved behind it').toBe(shown);
  expect(told(0, undefined).map(({ n }) => n)).toEqual([4, 5, 6]);
  expect(told(9, -1).map(({ n }) => n)).toEqual([2, 3, 4]);
  expect(told(0, 9.5).map(({ n }) => n)).toEqual([4, 5, 6]);
});

test('ST9 a function that changed its mind leaves no row behind', () => {
  let limit = 2;
  const index = createCollectionIndex<Row>(
    { where: ({ n }) => Number(n) < limit },
    rowList([['a', { n: 1 }]]),
    Number,
  );
  limit = 0;
  index.tell([{ id: 'a', former: { n: 1 }, next: { n: 3 } }]);
  expect(index.rows()).toEqual([]);
  limit = 9;
  index.tell([{ id: 'a', former: { n: 3 }, next: { n: 4 } }]);
  expect(index.rows()).toEqual([{ n: 4 }]);
});
