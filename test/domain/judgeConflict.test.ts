import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyChange, sameValue, type Change } from '../../src/domain/changes.js';
import { conflictRows, type ConflictRow, type Theirs } from '../../src/domain/conflict.js';
import type { ConflictOutcome } from '../../src/domain/conflictOutcome.js';
import { mergeFields, type AnyConflictStrategy } from '../../src/domain/conflictStrategy.js';
import type { Row } from '../../src/domain/entity.js';
import { judgeConflict } from '../../src/domain/judgeConflict.js';
import { isContested } from '../../src/domain/meeting.js';
import { jsonRow } from './arbitraries.js';
import { dispute, gone, insert, remove, replace, rowOf, update } from './disputes.js';

const base: Row = { id: 'a', title: 'milk', done: false };
const judge = (row: ConflictRow, strategy: AnyConflictStrategy = 'serverWins'): ConflictOutcome =>
  judgeConflict(dispute(row, strategy));
const resent = (...changes: readonly Change[]): ConflictOutcome => ({
  kind: 'resend',
  changes,
  versions: changes.map(() => 2),
  asMeant: true,
});
const altered = (...changes: readonly Change[]): ConflictOutcome => ({
  ...(resent(...changes) as Extract<ConflictOutcome, { kind: 'resend' }>),
  asMeant: false,
});
const chosen: ConflictOutcome = { kind: 'server', reason: 'chosen' };
const oat = update(base, { title: 'oat' });

describe('CF3 what needs no strategy', () => {
  test.each<[string, ConflictRow, ConflictOutcome]>([
    ['an insert of a row that is gone goes again', rowOf(insert(base), gone), resent(insert(base))],
    ['an insert of what is there is a duplicate', rowOf(insert(base), base), { kind: 'confirmed' }],
    [
      'an insert of what is there, with fields that the server adds',
      rowOf(insert(base), { ...base, createdAt: 5 }),
      { kind: 'confirmed' },
    ],
    [
      'an insert of which the server has a part sets the rest',
      rowOf(insert({ ...base, rank: 0 }), base),
      altered(update(base, { rank: 0 })),
    ],
    [
      'an update that is there already',
      rowOf(oat, { ...base, title: 'oat', rank: 5 }, base),
      { kind: 'confirmed' },
    ],
    [
      'an update of other fields than theirs is merged',
      rowOf(oat, { ...base, done: true }, base),
      resent(update({ ...base, done: true }, { title: 'oat' })),
    ],
    [
      'an update half of which is there sends the other half',
      rowOf(update(base, { title: 'oat', done: true }), { ...base, done: true }, base),
      resent(update({ ...base, done: true }, { title: 'oat' })),
    ],
    ['a delete of a row that is gone', rowOf(remove(base), gone), { kind: 'confirmed' }],
    [
      'a delete of a row of another version that is as it was',
      rowOf(remove(base), base),
      resent(remove(base)),
    ],
    [
      'a replace of a row that is gone inserts the new one',
      rowOf(replace(base, { id: 'a', title: 'oat' }), gone),
      altered(insert({ id: 'a', title: 'oat' })),
    ],
    [
      'a replace that is there already',
      rowOf(replace(base, { id: 'a', title: 'oat' }), { id: 'a', title: 'oat' }),
      { kind: 'confirmed' },
    ],
    [
      'a replace of a row that is as it was',
      rowOf(replace(base, { id: 'a' }), base),
      resent(...replace(base, { id: 'a' })),
    ],
  ])('%s', (_name, row, outcome) => {
    for (const strategy of ['serverWins', 'ask', mergeFields({ otherwise: 'ask' }), () => 'ask'] as const)
      expect(judge(row, strategy)).toEqual(outcome);
  });
});

const later = { writtenAt: { at: 1_000, uncertaintyMs: 10 } };
const theirs = (row: Row | undefined): Theirs => ({ row, version: 2, at: 900 });
const rye: Row = { id: 'a', title: 'rye', done: true };
const overRye = update(rye, { title: 'oat' });

describe('CF2 CF3 RD5 where the strategy says', () => {
  /** What `clientWins` makes of each. */
  const cases: [string, ConflictRow, ConflictOutcome][] = [
    [
      'an insert over another row',
      rowOf(insert({ id: 'a', title: 'oat', rank: 0 }), theirs(rye)),
      altered(update(rye, { title: 'oat', rank: 0 })),
    ],
    ['an update of the same field', rowOf(oat, theirs(rye), base), resent(overRye)],
    [
      'an update of a row that is gone: the whole row',
      rowOf(oat, theirs(undefined), base),
      altered(insert({ ...base, title: 'oat' })),
    ],
    [
      'an update of a gone row that is not known as a whole: never half a row',
      rowOf(oat, theirs(undefined)),
      { kind: 'server', reason: 'incomplete' },
    ],
    ['a delete of a changed row', rowOf(remove(base), theirs(rye)), resent(remove(rye))],
    [
      'a replace of a changed row',
      rowOf(replace(base, { id: 'a', title: 'oat' }), theirs(rye)),
      resent(...replace(rye, { id: 'a', title: 'oat' })),
    ],
  ];
  test.each(cases)('%s', (_name, row, mine) => {
    expect(judge(row, 'serverWins')).toEqual(chosen);
    expect(judge(row, 'clientWins')).toEqual(mine);
    expect(judge(row, 'ask')).toEqual({ kind: 'ask' });
    expect(judgeConflict(dispute(row, 'lastWriteWins', later))).toEqual(mine);
    const earlier = { writtenAt: { at: 899, uncertaintyMs: 0 } };
    expect(judgeConflict(dispute(row, 'lastWriteWins', earlier))).toEqual(chosen);
  });

  test('a delete over a deleted field, null over absent: real edits', () => {
    const was = { id: 'a', note: 'x', n: 1 };
    const mine = update(was, { note: undefined, n: null });
    const row = rowOf(mine, { id: 'a', note: 'y', n: 0 }, was);
    expect(judge(row, 'clientWins')).toEqual(
      resent(update({ note: 'y', n: 0 }, { n: null, note: undefined })),
    );
  });
});

test('CF2 lastWriteWins: unknown or equal, as far as can be measured, is the server', () => {
  const at = (theirsAt: number | undefined, mineAt: number | undefined, uncertaintyMs = 10): string => {
    const shown: Theirs = { row: rye, version: 2, ...(theirsAt !== undefined && { at: theirsAt }) };
    const writtenAt = mineAt === undefined ? undefined : { at: mineAt, uncertaintyMs };
    return judgeConflict(dispute(rowOf(oat, shown, base), 'lastWriteWins', { writtenAt })).kind;
  };
  expect(at(100, 111)).toBe('resend');
  expect(at(100, 110)).toBe('server');
  expect(at(100, 100, 0)).toBe('server');
  expect(at(undefined, 111)).toBe('server');
  expect(at(100, undefined)).toBe('server');
  expect(at(NaN, 111)).toBe('server');
  expect(at(0, 1, 0)).toBe('resend');
});

describe('CF1 versions', () => {
  test('a refusal at the very version that was sent is for something else: not sent again', () => {
    const same = (row: Row | undefined): Theirs => ({ row, version: 1 });
    const unchanged = { kind: 'server', reason: 'unchanged' };
    for (const row of [
      rowOf(oat, same(rye), base),
      rowOf(oat, same(base), base),
      rowOf(remove(base), same(rye)),
    ])
      expect(judge(row, 'clientWins')).toEqual(unchanged);
    expect(judge(rowOf(insert(base), same(undefined)), 'clientWins')).toEqual(unchanged);
    expect(judge(rowOf(oat, same({ ...base, title: 'oat' }), base), 'clientWins')).toEqual({
      kind: 'confirmed',
    });
    expect(judge(rowOf(insert(base), same(rye)), 'clientWins').kind).toBe('resend');
  });

  test.each<Theirs['version']>(['1', 0, '', 'W/"x"', undefined])(
    'of whatever type, it goes as it was told: %j',
    (version) => {
      const outcome = judge(rowOf(oat, { row: rye, version }, base), 'clientWins');
      expect(outcome).toMatchObject({ kind: 'resend', versions: [version] });
    },
  );
});

describe('ST5 several rows are one unit', () => {
  const b = { collection: 'todos', id: 'b' };
  const changes: readonly Change[] = [oat, { kind: 'insert', ...b, row: { id: 'b' } }];
  const rows = (theirsOfA: Row | undefined, theirsOfB?: Row): readonly ConflictRow[] =>
    conflictRows({ changes, versions: [1, undefined] }, () => ({ row: base, version: 1 }), [
      { ...b, id: 'a', row: theirsOfA, version: 2 },
      ...(theirsOfB === undefined ? [] : [{ ...b, row: theirsOfB, version: 7 }]),
    ]);
  const of = (list: readonly ConflictRow[], strategy: AnyConflictStrategy): ConflictOutcome =>
    judgeConflict(dispute(list, strategy));

  test('one row that the server keeps keeps all', () => {
    expect(of(rows(rye), 'serverWins')).toEqual(chosen);
  });
  test('one row to ask about asks about all', () => {
    expect(of(rows(rye), 'ask')).toEqual({ kind: 'ask' });
  });
  test('a row of which the server says nothing goes again as it was', () => {
    expect(of(rows(rye), 'clientWins')).toEqual({
      kind: 'resend',
      changes: [overRye, changes[1]],
      versions: [2, undefined],
      asMeant: true,
    });
  });
  test('what is there already does not go again; all there is confirmed', () => {
    const there = { ...base, title: 'oat' };
    expect(of(rows(there, { id: 'b', x: 1 }), 'ask')).toEqual({ kind: 'confirmed' });
    expect(of(rows(rye, { id: 'b' }), 'clientWins')).toEqual(resent(overRye));
  });
  test('a row given up field by field does not keep the others', () => {
    expect(of(rows(rye), mergeFields({ otherwise: 'serverWins' }))).toEqual({
      kind: 'resend',
      changes: [changes[1]],
      versions: [undefined],
      asMeant: false,
    });
    expect(of(rows(rye, { id: 'b' }), mergeFields({ otherwise: 'serverWins' }))).toEqual(chosen);
  });
  test('each collection has its own strategy', () => {
    const other: Change = { ...remove(base), collection: 'lists' };
    const [list] = conflictRows({ changes: [other] }, () => undefined, [
      { collection: 'lists', id: 'a', row: rye, version: 2 },
    ]);
    const both = dispute([...rows(rye), list!], 'ask', {
      strategyOf: (collection) => (collection === 'lists' ? 'serverWins' : 'clientWins'),
    });
    expect(judgeConflict(both)).toEqual(chosen);
    expect(judgeConflict({ ...both, strategyOf: (c) => (c === 'lists' ? 'serverWins' : 'ask') })).toEqual({
      kind: 'ask',
    });
  });
});

test('CF3 a server that shows nothing of what it has decides', () => {
  const rows = conflictRows({ changes: [oat], versions: [1] }, () => ({ row: base, version: 1 }), []);
  expect(judgeConflict(dispute(rows, 'clientWins'))).toEqual({ kind: 'server', reason: 'unknown' });
});

describe('properties', () => {
  /** A base, and what each side has made of it: fields set, removed, or left. */
  const sides = fc
    .tuple(jsonRow, jsonRow, jsonRow, fc.array(fc.nat(5)))
    .map(([was, mineSets, theirsSets, removals]) => {
      const start: Row = { ...was, id: 'a' };
      const without = (row: Row, i: number): Row => {
        const field = Object.keys(was)[removals[i] ?? 9];
        return Object.fromEntries(Object.entries(row).filter(([name]) => name !== field));
      };
      return {
        start,
        mine: without({ ...start, ...mineSets, id: 'a' }, 0),
        others: without({ ...start, ...theirsSets, id: 'a' }, 1),
      };
    });
  const changeOf = (start: Row, mine: Row): Change => {
    const fields: Record<string, unknown> = {};
    for (const field of new Set([...Object.keys(start), ...Object.keys(mine)])) {
      const value = Object.hasOwn(mine, field) ? mine[field] : undefined;
      if (!sameValue(value, Object.hasOwn(start, field) ? start[field] : undefined))
        Object.defineProperty(fields, field, { value, enumerable: true, configurable: true, writable: true });
    }
    return update(start, fields);
  };
  const get = (row: Row, field: string): unknown => (Object.hasOwn(row, field) ? row[field] : undefined);
  const after = (outcome: ConflictOutcome, row: Row | undefined): Row | undefined =>
    outcome.kind === 'resend' ? outcome.changes.reduce<Row | undefined>(applyChange, row) : row;

  test('CF2 CF6 each field is mine where only mine, theirs where only theirs, and as said where both', () => {
    fc.assert(
      fc.property(
        sides,
        fc.constantFrom('clientWins', 'serverWins'),
        ({ start, mine, others }, otherwise) => {
          const row = rowOf(changeOf(start, mine), others, start);
          const merged = after(judge(row, mergeFields({ otherwise })), others)!;
          for (const field of new Set([start, mine, others, merged].flatMap((side) => Object.keys(side)))) {
            const [b, m, t] = [get(start, field), get(mine, field), get(others, field)];
            const wanted = sameValue(b, m) ? t : sameValue(b, t) ? m : otherwise === 'clientWins' ? m : t;
            expect(get(merged, field)).toEqual(wanted);
          }
        },
      ),
    );
  });

  test('CF3 what was sent again and accepted is confirmed if it is asked about again', () => {
    const strategies = fc.constantFrom<AnyConflictStrategy>(
      'clientWins',
      mergeFields({ otherwise: 'clientWins' }),
    );
    fc.assert(
      fc.property(sides, strategies, fc.boolean(), ({ start, mine, others }, strategy, isGone) => {
        const theirRow = isGone ? undefined : others;
        const outcome = judge(rowOf(changeOf(start, mine), { row: theirRow, version: 2 }, start), strategy);
        if (outcome.kind !== 'resend') return;
        const now = { row: after(outcome, theirRow), version: 3 };
        expect(judge(rowOf(outcome.changes, now, theirRow), 'ask')).toEqual({ kind: 'confirmed' });
      }),
    );
  });

  test('RD5 whatever is sent, the row is whole afterwards, or gone', () => {
    fc.assert(
      fc.property(sides, fc.boolean(), fc.boolean(), ({ start, mine, others }, isGone, isKnown) => {
        const theirRow = isGone ? undefined : others;
        const row = rowOf(changeOf(start, mine), { row: theirRow, version: 2 }, isKnown ? start : undefined);
        const outcome = judge(row, 'clientWins');
        if (isGone && isKnown && outcome.kind === 'resend') expect(after(outcome, undefined)).toEqual(mine);
        if (isGone && !isKnown) expect(outcome).toEqual({ kind: 'server', reason: 'incomplete' });
        for (const field of Object.keys(others))
          if (outcome.kind === 'resend' && !isGone && sameValue(get(start, field), get(mine, field)))
            expect(get(after(outcome, others)!, field)).toEqual(others[field]);
      }),
    );
  });

  test('CF4 stored and read again, a conflict is judged alike, and judging changes nothing', () => {
    fc.assert(
      fc.property(sides, ({ start, mine, others }) => {
        const row = rowOf(changeOf(start, mine), others, start);
        const stored = structuredClone(row);
        for (const strategy of ['clientWins', 'mergeFields', 'ask'] as const)
          expect(judge(stored, strategy)).toEqual(judge(row, strategy));
        expect(stored).toEqual(row);
      }),
    );
  });

  test('RD1 what nobody else has touched is not contested', () => {
    fc.assert(
      fc.property(sides, ({ start, mine, others }) => {
        const change = changeOf(start, mine);
        expect(isContested([rowOf(change, start, start)])).toBe(false);
        const both = Object.keys(others)
          .concat(Object.keys(start))
          .filter((field) => {
            const [b, m, t] = [get(start, field), get(mine, field), get(others, field)];
            return !sameValue(b, m) && !sameValue(b, t) && !sameValue(m, t);
          });
        expect(isContested([rowOf(change, others, start)])).toBe(both.length > 0);
      }),
    );
  });
});
