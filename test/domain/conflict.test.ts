import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/domain/changes.js';
import { conflictRows, fieldDiffs, upToDate, type Conflict } from '../../src/domain/conflict.js';
import type { Row } from '../../src/domain/entity.js';
import { gone, insert, remove, replace, rowOf, update } from './disputes.js';

const base: Row = { id: 'a', title: 'milk', done: false };
const theirs: Row = { id: 'a', title: 'rye', done: false };

describe('CF1 the rows of a conflict', () => {
  test('base is what mine was made from, over what else is known of the row now', () => {
    const later = { ...base, title: 'newer', rank: 9 };
    const row = rowOf(update(base, { title: 'oat', note: 'new' }), theirs, { ...later, note: 'theirs' });
    expect(row.base).toStrictEqual({ ...base, rank: 9 });
    expect(row.mine).toEqual({ ...base, rank: 9, title: 'oat', note: 'new' });
    expect(row.partial).toBe(false);
  });

  test('of a row that is not in the base any more only the edited fields are known', () => {
    const change = update(base, { title: 'oat' });
    expect(rowOf(change, theirs)).toMatchObject({ partial: true, base: { title: 'milk' } });
    expect(rowOf(change, theirs).mine).toEqual({ ...theirs, title: 'oat' });
    expect(rowOf(change, gone)).toMatchObject({ partial: true, mine: { title: 'oat' } });
  });

  test('an insert has no base, a delete no mine, a replace both', () => {
    expect(rowOf(insert(base), theirs)).toMatchObject({ base: undefined, mine: base, partial: false });
    expect(rowOf(remove(base), theirs)).toMatchObject({ base, mine: undefined, partial: false });
    expect(rowOf(replace(base, { id: 'a' }), theirs)).toMatchObject({ base, mine: { id: 'a' } });
  });

  test('each row once, with the version that was sent, and what was shown last', () => {
    const b: Change = { ...insert({ id: 'b' }), id: 'b' };
    const rows = conflictRows(
      { changes: [...replace(base, theirs), b], versions: [1, 1, undefined] },
      () => undefined,
      [
        { collection: 'todos', id: 'a', row: base, version: 2 },
        { collection: 'todos', id: 'a', row: theirs, version: 3, at: 5 },
        { collection: 'todos', id: 'z', row: theirs, version: 4 },
      ],
    );
    expect(rows.map((row) => [row.id, row.changes.length, row.version, row.theirs])).toEqual([
      ['a', 2, 1, { row: theirs, version: 3, at: 5 }],
      ['b', 1, undefined, undefined],
    ]);
    expect(conflictRows({ changes: [b] }, () => undefined, [])[0]!.version).toBeUndefined();
  });

  test('CF4 what is known to be newer by now takes the place of theirs; of half a row, mine is on top of it', () => {
    const half = rowOf(update(base, { title: 'oat' }), theirs);
    const now = { row: { ...theirs, rank: 1 }, version: 9, at: 7, ownSince: 9, seen: 1 };
    expect(upToDate([half], () => now)).toEqual([
      { ...half, mine: { ...theirs, rank: 1, title: 'oat' }, theirs: { row: now.row, version: 9, at: 7 } },
    ]);
    const whole = rowOf(update(base, { title: 'oat' }), theirs, base);
    const wentBy = { row: undefined, version: 9, was: base };
    expect(upToDate([whole], () => wentBy)).toEqual([{ ...whole, theirs: { row: undefined, version: 9 } }]);
  });

  test.each([
    ['the same', 2],
    ['older', 1],
    ['of another type', '9'],
    ['unknown', undefined],
  ] as const)('CF4 a version that is %s changes nothing', (_how, version) => {
    const row = rowOf(update(base, { title: 'oat' }), theirs);
    expect(upToDate([row], () => ({ row: base, version }))[0]).toBe(row);
    expect(upToDate([row], () => undefined)[0]).toBe(row);
  });

  test('CF4 a conflict survives structured clone, the absence of fields included', () => {
    const rows = [rowOf(update(base, { title: undefined, note: null }), gone, base)];
    const conflict: Conflict = { id: 't', tokens: ['t'], name: '@update', rows, askedAt: 1 };
    expect(structuredClone(conflict)).toStrictEqual(conflict);
  });
});

describe('CF4 the fields of a conflict', () => {
  const field = (name: string, sides: object, contested = false): object => ({
    field: name,
    ...sides,
    contested,
  });

  test('only those on which the sides differ, mine first; contested are those that both changed', () => {
    const row = rowOf(
      update(base, { title: 'oat', note: 'x' }),
      { id: 'a', title: 'rye', done: true, rank: 1 },
      base,
    );
    expect(fieldDiffs(row)).toEqual([
      field('title', { base: 'milk', mine: 'oat', theirs: 'rye' }, true),
      field('note', { mine: 'x' }),
      field('done', { base: false, mine: false, theirs: true }),
      field('rank', { theirs: 1 }),
    ]);
  });

  test('CF6 falsy values are values, and a removed field is an edit', () => {
    const was = { id: 'a', n: 1, s: 'x', z: 1, r: 1 };
    const row = rowOf(
      update(was, { n: 0, s: '', z: null, r: undefined }),
      { id: 'a', n: null, s: 'x', r: 0 },
      was,
    );
    expect(fieldDiffs(row)).toEqual([
      field('n', { base: 1, mine: 0, theirs: null }, true),
      field('s', { base: 'x', mine: '', theirs: 'x' }),
      field('z', { base: 1, mine: null }, true),
      field('r', { base: 1, theirs: 0 }, true),
    ]);
    expect(Object.keys(fieldDiffs(row)[3]!)).not.toContain('mine');
  });

  test('both changed it alike: a difference to base, and not contested', () => {
    expect(fieldDiffs(rowOf(update(base, { title: 'rye' }), theirs, base))).toEqual([
      field('title', { base: 'milk', mine: 'rye', theirs: 'rye' }),
    ]);
  });

  test('of a deleted row every field is shown, none contested', () => {
    expect(fieldDiffs(rowOf(remove(base), theirs)).every((diff) => !diff.contested)).toBe(true);
    expect(fieldDiffs(rowOf(update(base, { title: 'oat' }), gone, base))).toEqual([
      field('title', { base: 'milk', mine: 'oat' }),
      field('id', { base: 'a', mine: 'a' }),
      field('done', { base: false, mine: false }),
    ]);
  });

  test('of base half known, only what mine changed is compared', () => {
    expect(fieldDiffs(rowOf(update(base, { title: 'oat' }), { ...theirs, rank: 1 }))).toEqual([
      field('title', { base: 'milk', mine: 'oat', theirs: 'rye' }, true),
    ]);
  });

  test('LF3 hostile field names', () => {
    const was = JSON.parse('{"id":"a","__proto__":1}') as Row;
    const now = JSON.parse('{"__proto__":2,"constructor":3}') as Row;
    const row = rowOf(update(was, now), JSON.parse('{"id":"a","__proto__":4}') as Row, was);
    expect(fieldDiffs(row)).toEqual([
      field('__proto__', { base: 1, mine: 2, theirs: 4 }, true),
      field('constructor', { mine: 3 }),
    ]);
  });
});
