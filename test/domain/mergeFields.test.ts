import { describe, expect, test } from 'vitest';
import type { ConflictOutcome } from '../../src/domain/conflictOutcome.js';
import { mergeFields, type MergeFieldsOptions } from '../../src/domain/conflictStrategy.js';
import type { Row } from '../../src/domain/entity.js';
import { judgeConflict } from '../../src/domain/judgeConflict.js';
import { listById } from '../../src/domain/listById.js';
import { dispute, gone, insert, remove, rowOf, update } from './disputes.js';

type Options = MergeFieldsOptions<Record<string, unknown>>;

const base: Row = { id: 'a', title: 'milk', n: 1, tags: ['x'] };
/** What becomes of an edit of `base` that meets `theirs`. */
const merge = (edit: Row, theirs: Row, options: Options, time = {}): ConflictOutcome =>
  judgeConflict(
    dispute(
      rowOf(update(base, edit), { row: { ...base, ...theirs }, version: 2, at: 100 }, base),
      mergeFields(options),
      time,
    ),
  );
/** The fields that are sent, and those that are removed. */
const sent = (outcome: ConflictOutcome): unknown => {
  const change = outcome.kind === 'resend' ? outcome.changes[0] : undefined;
  return change?.kind === 'update' ? [change.patch, ...change.unset] : outcome;
};
const mine = { title: 'oat', n: 2 };
const theirs = { title: 'rye', rank: 3 };

describe('CF2 mergeFields', () => {
  test('a field that both changed goes by its own strategy, the others by theirs and mine', () => {
    expect(sent(merge(mine, theirs, { fields: { title: 'clientWins' } }))).toEqual([{ title: 'oat', n: 2 }]);
    expect(sent(merge(mine, theirs, { fields: { title: 'serverWins' } }))).toEqual([{ n: 2 }]);
    expect(merge(mine, theirs, { fields: { title: 'ask' } })).toEqual({ kind: 'ask' });
    expect(merge(mine, theirs, { otherwise: 'ask' })).toEqual({ kind: 'ask' });
    expect(sent(merge(mine, theirs, { otherwise: 'ask', fields: { title: 'serverWins' } }))).toEqual([
      { n: 2 },
    ]);
  });

  test('a strategy of a field that nobody else has changed is not asked', () => {
    const never = (): never => {
      throw new Error('asked');
    };
    expect(sent(merge({ n: 2 }, theirs, { fields: { n: never, title: never } }))).toEqual([{ n: 2 }]);
    expect(sent(merge({ title: 'rye', n: 2 }, theirs, { fields: { title: never } }))).toEqual([{ n: 2 }]);
  });

  test('by default the later one wins, field by field', () => {
    const later = { writtenAt: { at: 200, uncertaintyMs: 0 } };
    expect(sent(merge(mine, theirs, {}, later))).toEqual([{ title: 'oat', n: 2 }]);
    expect(sent(merge(mine, theirs, {}))).toEqual([{ n: 2 }]);
  });

  test('as meant: only what was given up or altered makes it another', () => {
    const asMeant = (outcome: ConflictOutcome): unknown => outcome.kind === 'resend' && outcome.asMeant;
    expect(asMeant(merge(mine, theirs, { fields: { title: 'clientWins' } }))).toBe(true);
    expect(asMeant(merge(mine, theirs, { fields: { title: 'serverWins' } }))).toBe(false);
    expect(asMeant(merge(mine, theirs, { fields: { title: () => 'oat, rye' } }))).toBe(false);
    expect(asMeant(merge(mine, theirs, { fields: { title: (_b, m) => m } }))).toBe(true);
  });

  test('all of it given up is the server; all of it merged into theirs is confirmed', () => {
    const chosen = { kind: 'server', reason: 'chosen' };
    expect(merge({ title: 'oat' }, theirs, { otherwise: 'serverWins' })).toEqual(chosen);
    expect(
      merge({ n: 2 }, { n: 5 }, { fields: { n: (_b, m, t) => Math.max(Number(m), Number(t)) } }),
    ).toEqual({
      kind: 'confirmed',
    });
  });

  test('CF6 a function gets undefined for an absent field, null for null, and removes by undefined', () => {
    const seen: unknown[] = [];
    const resolve = (...sides: unknown[]): undefined => void seen.push(sides);
    expect(
      sent(
        merge({ n: undefined, note: 0 }, { n: null, note: '' }, { fields: { n: resolve, note: resolve } }),
      ),
    ).toEqual([{}, 'n', 'note']);
    expect(seen).toEqual([
      [undefined, 0, ''],
      [1, undefined, null],
    ]);
  });

  test('a function gets copies', () => {
    const edit = { tags: ['x', 'mine'] };
    const tags = (_b: unknown, m: unknown, t: unknown): unknown => {
      (m as string[]).push('spoilt');
      return [...(t as string[]), 'merged'];
    };
    expect(sent(merge(edit, { tags: ['theirs'] }, { fields: { tags } }))).toEqual([
      { tags: ['theirs', 'merged'] },
    ]);
    expect(edit.tags).toEqual(['x', 'mine']);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['returns a promise', () => Promise.reject(new Error('late'))],
    ['returns what cannot be sent', () => NaN],
    ['returns a function', () => () => 1],
  ])('a function that %s asks, and says why', (_name, resolve) => {
    const outcome = merge(mine, theirs, { fields: { title: resolve } });
    expect(outcome).toMatchObject({ kind: 'ask', error: { code: 'RESOLVER_FAILED' } });
  });

  test('where one side has no row, `otherwise` decides on the row', () => {
    const decide = (row: ReturnType<typeof rowOf>, otherwise: Options['otherwise']): string =>
      judgeConflict(dispute(row, mergeFields({ ...(otherwise && { otherwise }) }))).kind;
    const deleted = rowOf(remove(base), { row: { ...base, n: 5 }, version: 2 });
    const edited = rowOf(update(base, mine), gone, base);
    for (const row of [deleted, edited]) {
      expect(decide(row, 'ask')).toBe('ask');
      expect(decide(row, 'clientWins')).toBe('resend');
      expect(decide(row, 'serverWins')).toBe('server');
      expect(decide(row, undefined)).toBe('server');
    }
  });

  test('CF3 an insert over another row merges with what is there', () => {
    const row = rowOf(insert({ id: 'a', title: 'oat', n: 2 }), { id: 'a', title: 'rye', rank: 3 });
    const outcome = judgeConflict(dispute(row, mergeFields({ otherwise: 'serverWins' })));
    expect(sent(outcome)).toEqual([{ n: 2 }]);
    const mineOnTop = judgeConflict(dispute(row, mergeFields({ otherwise: 'clientWins' })));
    for (const one of [outcome, mineOnTop]) expect(one).toMatchObject({ asMeant: false });
  });

  test('LF3 a field named like a method of objects has no strategy by accident', () => {
    const edit = rowOf(
      update({ id: 'a' }, { constructor: 1, toString: 1 }),
      { id: 'a', constructor: 2, toString: 2 },
      { id: 'a' },
    );
    expect(judgeConflict(dispute(edit, mergeFields({ otherwise: 'serverWins' })))).toEqual({
      kind: 'server',
      reason: 'chosen',
    });
  });

  test('null is a value to merge with', () => {
    expect(sent(merge({ title: null }, { title: 'rye' }, { otherwise: 'clientWins' }))).toEqual([
      { title: null },
    ]);
    expect(merge({ title: null }, { title: null }, { otherwise: 'ask' })).toEqual({ kind: 'confirmed' });
  });
});

describe('CF2 mergeFields of lists', () => {
  const items = (...list: readonly (readonly [string, number])[]): Row => ({
    items: list.map(([id, v]) => ({ id, v })),
  });
  const start = { id: 'a', ...items(['p', 0], ['q', 0]) };
  const mergeItems = (m: Row, t: Row, otherwise: NonNullable<Options['otherwise']>): ConflictOutcome =>
    judgeConflict(
      dispute(
        rowOf(update(start, m), { ...start, ...t }, start),
        mergeFields({ otherwise, fields: { items: listById() } }),
      ),
    );

  test('both sides’ items are in the list, and nobody is asked', () => {
    const outcome = mergeItems(items(['p', 1], ['q', 0], ['r', 0]), items(['q', 2], ['p', 0]), 'ask');
    expect(sent(outcome)).toEqual([items(['q', 2], ['r', 0], ['p', 1])]);
  });

  test('what both did to one item is decided by `otherwise`', () => {
    const both = [items(['p', 1], ['q', 0]), items(['p', 2], ['q', 0], ['r', 0])] as const;
    expect(mergeItems(...both, 'ask')).toEqual({ kind: 'ask' });
    expect(sent(mergeItems(...both, 'clientWins'))).toEqual([items(['p', 1], ['q', 0], ['r', 0])]);
    expect(mergeItems(...both, 'serverWins')).toEqual({ kind: 'server', reason: 'chosen' });
  });

  test('what theirs holds already is there', () => {
    const mineAdds = items(['p', 0], ['q', 0], ['r', 0]);
    expect(mergeItems(mineAdds, items(['p', 5], ['q', 0], ['r', 0]), 'ask')).toEqual({ kind: 'confirmed' });
  });

  test('what is no such list goes as a whole', () => {
    const odd = { items: [1, 2] };
    expect(mergeItems(odd, items(['p', 1]), 'ask')).toEqual({ kind: 'ask' });
    expect(sent(mergeItems(odd, items(['p', 1]), 'clientWins'))).toEqual([odd]);
    expect(mergeItems(odd, items(['p', 1]), 'serverWins')).toEqual({ kind: 'server', reason: 'chosen' });
  });
});
