import { describe, expect, test } from 'vitest';
import { conflictRows } from '../../src/domain/conflict.js';
import type { ConflictOutcome } from '../../src/domain/conflictOutcome.js';
import type { ConflictResolver } from '../../src/domain/conflictStrategy.js';
import type { Row } from '../../src/domain/entity.js';
import { SyncError } from '../../src/domain/errors.js';
import { judgeConflict } from '../../src/domain/judgeConflict.js';
import { questionsOf, type Answer } from '../../src/domain/resolver.js';
import { dispute, gone, insert, remove, rowOf, update } from './disputes.js';

const base: Row = { id: 'a', title: 'milk', tags: ['x'] };
const theirs: Row = { id: 'a', title: 'rye', tags: ['x'] };
const edit = rowOf(update(base, { title: 'oat' }), theirs, base);
const never: ConflictResolver<Row> = () => 'ask';

const answered = (value: unknown, row = edit): ConflictOutcome =>
  judgeConflict(dispute(row, never), new Map<string, Answer>([['todos/a', { kind: 'answered', value }]]));

describe('CF2 a resolver is asked', () => {
  test('with copies of each side as a whole row, and who wrote when', () => {
    const seen: unknown[] = [];
    const spoil: ConflictResolver<Row> = (...sides) => {
      seen.push(structuredClone(sides));
      for (const side of sides.slice(0, 3)) ((side as Row)['tags'] as string[]).push('spoilt');
      return 'mine';
    };
    const shown = rowOf(update(base, { title: 'oat' }), { row: theirs, version: 2, at: 5 }, base);
    const [question, ...others] = questionsOf(
      dispute(shown, spoil, { writtenAt: { at: 7, uncertaintyMs: 1 } }),
    );
    expect(others).toEqual([]);
    expect(question!.key).toBe('todos/a');
    expect(question!.ask()).toBe('mine');
    const context = { collection: 'todos', id: 'a', mineAt: 7, theirsAt: 5 };
    expect(seen).toEqual([[base, { ...base, title: 'oat' }, theirs, context]]);
    expect([base['tags'], theirs['tags']]).toEqual([['x'], ['x']]);
  });

  test('with undefined for a side that has no row', () => {
    const sides = (row: ReturnType<typeof rowOf>): unknown => {
      const seen: unknown[] = [];
      const [question] = questionsOf(
        dispute(row, (base, mine, theirs) => (seen.push(base, mine, theirs), 'ask')),
      );
      question?.ask();
      return seen;
    };
    expect(sides(rowOf(remove(base), theirs))).toEqual([base, undefined, theirs]);
    expect(sides(rowOf(update(base, { title: 'oat' }), gone, base))).toEqual([
      base,
      { ...base, title: 'oat' },
      undefined,
    ]);
    expect(sides(rowOf(insert(base), theirs))).toEqual([undefined, base, theirs]);
  });

  test('with the whole row of mine also where of base only the edited fields are known', () => {
    const row = rowOf(update(base, { title: 'oat' }), theirs);
    let mine: unknown;
    questionsOf(dispute(row, (_b, m) => ((mine = m), 'ask')))[0]!.ask();
    expect(mine).toEqual({ ...theirs, title: 'oat' });
  });

  test('only where both sides want something else, and never about half a row', () => {
    expect(questionsOf(dispute(rowOf(update(base, { title: 'rye' }), theirs, base), never))).toEqual([]);
    expect(questionsOf(dispute(rowOf(update(base, { done: true }), theirs, base), never))).toEqual([]);
    expect(questionsOf(dispute(edit, 'ask'))).toEqual([]);
    const half = dispute(rowOf(update(base, { title: 'oat' }), gone), never);
    expect(questionsOf(half)).toEqual([]);
    expect(judgeConflict(half)).toEqual({ kind: 'server', reason: 'incomplete' });
  });

  test('about each row of a mutation', () => {
    const rows = conflictRows(
      { changes: [update(base, { title: 'oat' }), { ...remove(base), id: 'b' }], versions: [1, 1] },
      () => ({ row: base, version: 1 }),
      ['a', 'b'].map((id) => ({ collection: 'todos', id, row: theirs, version: 2 })),
    );
    expect(questionsOf(dispute(rows, never)).map((q) => q.key)).toEqual(['todos/a', 'todos/b']);
  });
});

describe('CF2 what a resolver answers', () => {
  test("'mine', 'server', 'ask'", () => {
    expect(answered('mine')).toEqual(judgeConflict(dispute(edit, 'clientWins')));
    expect(answered('server')).toEqual({ kind: 'server', reason: 'chosen' });
    expect(answered('ask')).toEqual({ kind: 'ask' });
  });

  test('a row: whatever makes theirs that, absent fields removed', () => {
    expect(answered({ id: 'a', title: 'both' })).toEqual({
      kind: 'resend',
      changes: [update(theirs, { title: 'both', tags: undefined })],
      versions: [2],
      asMeant: false,
    });
    expect(answered({ ...theirs })).toEqual({ kind: 'confirmed' });
    expect(answered(base, rowOf(update(base, { title: 'oat' }), gone, base))).toMatchObject({
      changes: [insert(base)],
    });
    expect(answered(base, rowOf(remove(base), theirs))).toMatchObject({
      changes: [update(theirs, { title: 'milk' })],
    });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [theirs]],
    ['another word', 'theirs'],
    ['a number', 0],
    ['a function', () => theirs],
    ['a row of another id', { ...theirs, id: 'b' }],
    ['a row without an id', { title: 'x' }],
    ['what cannot be sent', { ...theirs, n: NaN }],
    ['a date', new Date(0)],
  ])('%s: the user is asked, and told why', (_name, value) => {
    expect(answered(value)).toMatchObject({ kind: 'ask', error: { code: 'RESOLVER_FAILED' } });
  });

  test('it threw, or has not answered: the user is asked, and the cause is kept (RT8)', () => {
    const cause = new SyncError('TIMEOUT', 'No answer within 10 ms.');
    const outcome = judgeConflict(dispute(edit, never), new Map([['todos/a', { kind: 'failed', cause }]]));
    expect(outcome).toMatchObject({ kind: 'ask', error: { code: 'RESOLVER_FAILED', cause } });
    expect(judgeConflict(dispute(edit, never))).toMatchObject({ error: { code: 'RESOLVER_FAILED' } });
  });
});
