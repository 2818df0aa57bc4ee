import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listById, mergeLists, type MergedList, type Side } from '../../src/domain/listById.js';

interface Item {
  readonly id: string | number;
  readonly [field: string]: unknown;
}
const of = (...ids: readonly (string | number)[]): readonly Item[] => ids.map((id) => ({ id }));
const merge = (
  base: unknown,
  mine: unknown,
  theirs: unknown,
  side: Side = 'theirs',
): MergedList | undefined => mergeLists(base, mine, theirs, listById(), side);
const done = (list: readonly unknown[], contested = false): MergedList => ({ list, contested });

describe('CF2 lists by id', () => {
  test('what either side added is there, after what it came after', () => {
    expect(merge(of('a', 'b'), of('m', 'a', 'n', 'b'), of('a', 't', 'b', 'u'))).toEqual(
      done(of('m', 'a', 'n', 't', 'b', 'u')),
    );
  });
  test('what either side removed is gone', () => {
    expect(merge(of('a', 'b', 'c'), of('b', 'c'), of('a', 'b'))).toEqual(done(of('b')));
  });
  test('an item that both edited is merged by field', () => {
    const item = (x: number, y: number): readonly Item[] => [{ id: 'a', x, y }];
    expect(merge(item(0, 0), item(1, 0), item(0, 1))).toEqual(done(item(1, 1)));
    expect(merge(item(0, 0), item(1, 0), item(2, 1), 'mine')).toEqual(done(item(1, 1), true));
    expect(merge(item(0, 0), item(1, 0), item(2, 1))).toEqual(done(item(2, 1), true));
  });
  test('CF6 a removed field of an item, and null, are edits', () => {
    const was = [{ id: 'a', x: 1, y: 1 }];
    expect(merge(was, [{ id: 'a', y: 1 }], [{ id: 'a', x: 1, y: null }])).toEqual(
      done([{ id: 'a', y: null }]),
    );
  });
  test('one removed it, the other edited it: the side decides', () => {
    const was = [{ id: 'a', x: 0 }];
    const edited = [{ id: 'a', x: 1 }];
    expect(merge(was, [], edited, 'mine')).toEqual(done([], true));
    expect(merge(was, [], edited, 'theirs')).toEqual(done(edited, true));
    expect(merge(was, edited, [], 'mine')).toEqual(done(edited, true));
    expect(merge(was, edited, [], 'theirs')).toEqual(done([], true));
  });
  test('both added one id: merged by field', () => {
    expect(merge([], [{ id: 'a', x: 1 }], [{ id: 'a', y: 1 }])).toEqual(done([{ id: 'a', y: 1, x: 1 }]));
    expect(merge([], [{ id: 'a', x: 1 }], [{ id: 'a', x: 2 }], 'mine')).toEqual(
      done([{ id: 'a', x: 1 }], true),
    );
  });
  test('the order is of the side that moved items; of both, the side decides', () => {
    const was = of('a', 'b', 'c');
    expect(merge(was, of('c', 'a', 'b'), was)).toEqual(done(of('c', 'a', 'b')));
    expect(merge(was, was, of('c', 'a', 'b'))).toEqual(done(of('c', 'a', 'b')));
    expect(merge(was, of('c', 'a', 'b'), of('b', 'a', 'c'), 'mine')).toEqual(done(of('c', 'a', 'b'), true));
    expect(merge(was, of('c', 'a', 'b'), of('b', 'a', 'c'))).toEqual(done(of('b', 'a', 'c'), true));
    expect(merge(was, of('c', 'b', 'a'), of('c', 'b', 'a'))).toEqual(done(of('c', 'b', 'a')));
  });
  test('ids may be falsy, and a number is not its text', () => {
    expect(merge(of(0), of(0, ''), of(0, '0'))).toEqual(done(of(0, '', '0')));
  });
  test('an absent list is empty in base, and no list otherwise', () => {
    expect(merge(undefined, of('a'), of('b'))).toEqual(done(of('a', 'b')));
    expect(merge(null, of('a'), of('b'))).toEqual(done(of('a', 'b')));
    expect(merge(of('a'), undefined, of('b'))).toBeUndefined();
    expect(merge(of('a'), of('b'), null)).toBeUndefined();
  });
  test.each<[string, unknown]>([
    ['text', 'ab'],
    ['items without ids', [{}]],
    ['an id that is no text or number', [{ id: null }]],
    ['plain values', [1]],
    ['nested lists', [[1]]],
    ['one id twice', [{ id: 1 }, { id: 1 }]],
  ])('%s cannot be merged by id', (_name, value) => {
    expect(merge(of('a'), value, of('b'))).toBeUndefined();
    expect(merge(of('a'), of('b'), value)).toBeUndefined();
    expect(merge(value, of('a'), of('b'))).toBeUndefined();
  });
  test('by another member', () => {
    expect(mergeLists([], [{ key: 1 }], [{ key: 2 }], listById('key'), 'mine')?.list).toEqual([
      { key: 1 },
      { key: 2 },
    ]);
  });

  const lists = fc.uniqueArray(
    fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 0), x: fc.nat(2), y: fc.nat(1) }),
    { selector: (item) => item.id },
  );
  const side = fc.constantFrom<Side>('mine', 'theirs');

  test('where only one side did anything, it is as that side has it', () => {
    fc.assert(
      fc.property(lists, lists, side, (was, now, s) => {
        expect(merge(was, now, was, s)).toEqual(done(now));
        expect(merge(was, was, now, s)).toEqual(done(now));
        expect(merge(was, now, now, s)).toEqual(done(now));
      }),
    );
  });
  test('nothing is lost or doubled but by removal; uncontested, the side makes no difference', () => {
    fc.assert(
      fc.property(lists, lists, lists, (was, mine, theirs) => {
        const merged = merge(was, mine, theirs)!;
        const ids = (merged.list as readonly Item[]).map((item) => item.id);
        expect(new Set(ids).size).toBe(ids.length);
        const has = (list: readonly Item[], id: Item['id']): boolean => list.some((item) => item.id === id);
        for (const { id } of [...mine, ...theirs])
          if (!has(was, id) || (has(mine, id) && has(theirs, id))) expect(ids).toContain(id);
        if (!merged.contested) expect(merge(was, mine, theirs, 'mine')).toEqual(merged);
      }),
    );
  });
  test('who is mine and who is theirs does not matter to what is there', () => {
    const sorted = (merged: MergedList | undefined): unknown =>
      merged && {
        ...merged,
        list: [...(merged.list as readonly Item[])].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1)),
      };
    fc.assert(
      fc.property(lists, lists, lists, (was, mine, theirs) => {
        expect(sorted(merge(was, mine, theirs, 'mine'))).toEqual(sorted(merge(was, theirs, mine, 'theirs')));
      }),
    );
  });
});
