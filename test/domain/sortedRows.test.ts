import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSortedRows } from '../../src/domain/sortedRows.js';
import { rowList } from './rowList.js';

interface Rank {
  readonly rank: number;
}

const order = (idA: string, a: Rank, idB: string, b: Rank): number =>
  a.rank - b.rank || (idA < idB ? -1 : idA > idB ? 1 : 0);

const step = fc.record({
  id: fc.integer({ min: 0, max: 40 }).map(String),
  rank: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
});

test('ST9 rows stay sorted and each position is right, over pages that fill up, split and empty', () =>
  fc.assert(
    fc.property(
      fc.uniqueArray(step, { selector: ({ id }) => id }),
      fc.array(step, { maxLength: 120 }),
      fc.integer({ min: 0, max: 45 }),
      fc.integer({ min: 0, max: 45 }),
      (first, steps, from, to) => {
        const start = first.flatMap(({ id, rank }) => (rank === undefined ? [] : [[id, { rank }] as const]));
        const held = new Map(start);
        const inOrder = [...start].sort(([a, x], [b, y]) => order(a, x, b, y));
        const sorted = createSortedRows(order, rowList(inOrder), 4);
        const ids = (): string[] => [...held].sort(([a, x], [b, y]) => order(a, x, b, y)).map(([id]) => id);
        for (const { id, rank } of steps) {
          const former = held.get(id);
          const next = rank === undefined ? undefined : { rank };
          expect(sorted.remove(id, { rank: 9 }), 'what is not in it stays out').toBe(-1);
          expect(sorted.replace(id, { rank: 9 }, { rank: 9 })).toBe(-1);
          if (former !== undefined && former.rank === rank) {
            expect(sorted.replace(id, former, next!)).toBe(ids().indexOf(id));
            held.set(id, next!);
            continue;
          }
          if (former !== undefined) expect(sorted.remove(id, former)).toBe(ids().indexOf(id));
          held.delete(id);
          if (next === undefined) continue;
          held.set(id, next);
          expect(sorted.add(id, next)).toBe(ids().indexOf(id));
        }
        const rows = ids().map((id) => held.get(id));
        expect(sorted.size).toBe(held.size);
        expect(sorted.slice(0, Infinity)).toEqual(rows);
        expect(sorted.slice(from, to)).toEqual(rows.slice(from, to));
      },
    ),
  ));

test('ST9 a change among 100,000 rows compares a few dozen of them', () => {
  let compared = 0;
  const counted: typeof order = (...args) => {
    compared++;
    return order(...args);
  };
  const N = 100_000;
  const entries = Array.from({ length: N }, (_, n) => [`t${n}`, { rank: n }] as const);
  const sorted = createSortedRows(counted, rowList(entries));
  compared = 0;
  for (let i = 0; i < 1_000; i++) {
    const n = (i * 7919) % N;
    sorted.remove(`t${n}`, { rank: n });
    sorted.add(`t${n}`, { rank: n });
  }
  expect(compared / 2_000).toBeLessThan(2 * Math.log2(N));
});
