import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyChange, diff, sameValue, type Change } from '../../src/domain/changes.js';
import type { Row } from '../../src/domain/entity.js';
import { hostileField, jsonRow, jsonValue } from './arbitraries.js';

const update = (before: Row, after: Row): Extract<Change, { kind: 'update' }> => {
  const change = diff('todos', 'a', before, after);
  if (change?.kind !== 'update') throw new Error(`expected an update, got ${change?.kind ?? 'nothing'}`);
  return change;
};

describe('diff', () => {
  test.each<[string, Row | undefined, Row | undefined, string | undefined]>([
    ['nothing to nothing', undefined, undefined, undefined],
    ['nothing to a row', undefined, { n: 1 }, 'insert'],
    ['a row to nothing', { n: 1 }, undefined, 'delete'],
    ['equal content', { n: 1, tags: ['x'] }, { n: 1, tags: ['x'] }, undefined],
    ['another field order', { a: 1, b: 2 }, { b: 2, a: 1 }, undefined],
    ['an undefined field more', { a: 1 }, { a: 1, b: undefined }, undefined],
    ['another nested value', { tags: { a: [1] } }, { tags: { a: [2] } }, 'update'],
  ])('CF6 %s', (_name, before, after, kind) => expect(diff('todos', 'a', before, after)?.kind).toBe(kind));

  test('CF6 zero, the empty string, false and null are edits like any other', () => {
    const before = { a: 1, b: 'x', c: true, d: 'y' };
    const { patch, unset } = update(before, { a: 0, b: '', c: false, d: null });
    expect(patch).toEqual({ a: 0, b: '', c: false, d: null });
    expect(unset).toEqual([]);
  });

  test('CF6 a removed field is listed, and its previous value kept', () => {
    expect(update({ a: 1, b: 2 }, { a: 1 })).toMatchObject({ patch: {}, unset: ['b'], previous: { b: 2 } });
    expect(update({ a: 1, b: 2 }, { a: 1, b: undefined })).toMatchObject({ unset: ['b'] });
  });

  test('MU4 previous holds exactly the changed fields, as they were', () => {
    expect(update({ a: 1, b: 2, c: 3 }, { a: 9, b: 2, d: 4 })).toMatchObject({
      patch: { a: 9, d: 4 },
      unset: ['c'],
      previous: { a: 1, c: 3 },
    });
  });

  test('CF6 applying the difference leads from before to after, whatever they hold', () =>
    fc.assert(
      fc.property(
        fc.option(jsonRow, { nil: undefined }),
        fc.option(jsonRow, { nil: undefined }),
        (before, after) => {
          const change = diff('todos', 'a', before, after);
          const reached = change === undefined ? before : applyChange(before, change);
          expect(sameValue(reached, after)).toBe(true);
          expect(reached).toEqual(after);
        },
      ),
    ));

  test('LF3 hostile field names are fields: set, changed and removed', () =>
    fc.assert(
      fc.property(hostileField, jsonValue, jsonValue, (field, one, two) => {
        const [bare, first, second] = [{ id: 'a' }, { id: 'a', [field]: one }, { id: 'a', [field]: two }];
        for (const [before, after] of [
          [bare, first],
          [first, second],
          [second, bare],
        ] as const) {
          const change = diff('todos', 'a', before, after);
          const reached = change === undefined ? before : applyChange(before, change);
          expect(Object.keys(reached ?? {})).toEqual(Object.keys(after));
          expect(sameValue(reached, after)).toBe(true);
          expect(Object.getPrototypeOf(reached)).toBe(Object.prototype);
        }
      }),
    ));
});

describe('applyChange', () => {
  test('RD5 an update of a row that is gone shows nothing: never half a row', () => {
    expect(applyChange(undefined, update({ a: 1 }, { a: 2 }))).toBeUndefined();
  });

  test('ST6 never mutates the row it is given', () => {
    const row = Object.freeze({ id: 'a', title: 'milk', done: false });
    expect(applyChange(row, update({ title: 'milk', done: false }, { title: 'oat' }))).toEqual({
      id: 'a',
      title: 'oat',
    });
    expect(row).toEqual({ id: 'a', title: 'milk', done: false });
  });

  test('ST2 two updates of different fields commute', () => {
    const [title, done] = [
      update({ t: 'a', d: 0 }, { t: 'b', d: 0 }),
      update({ t: 'a', d: 0 }, { t: 'a', d: 1 }),
    ];
    const row = { t: 'a', d: 0, other: 1 };
    expect(applyChange(applyChange(row, title), done)).toEqual(applyChange(applyChange(row, done), title));
  });
});

describe('sameValue', () => {
  test.each<[unknown, unknown, boolean]>([
    [NaN, NaN, true],
    [null, undefined, false],
    [[], {}, false],
    [[1, [2]], [1, [2]], true],
    [{ a: undefined }, {}, false],
    [{ a: undefined }, { b: undefined }, false],
    [JSON.parse('{"__proto__":1}'), {}, false],
    [new Date(5), new Date(5), true],
    [new Date(5), new Date(6), false],
    [new Date(5), 5, false],
    [new Map(), new Map(), false],
  ])('CF6 %j and %j: %s', (a, b, same) => {
    expect(sameValue(a, b)).toBe(same);
    expect(sameValue(b, a)).toBe(same);
  });
});
