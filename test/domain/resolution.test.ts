import { describe, expect, test } from 'vitest';
import { conflictRows, type ConflictRow } from '../../src/domain/conflict.js';
import type { Row } from '../../src/domain/entity.js';
import { judgeConflict } from '../../src/domain/judgeConflict.js';
import { resolveConflict, type Resolution } from '../../src/domain/resolution.js';
import { toJson } from '../../src/domain/serialize.js';
import { dispute, gone, insert, remove, rowOf, update } from './disputes.js';

const base: Row = { id: 'a', title: 'milk', done: false };
const theirs: Row = { id: 'a', title: 'rye', done: false, rank: 1 };
const edit = rowOf(update(base, { title: 'oat', done: true }), theirs, base);
const rules = { idOf: (_c: string, row: Row) => row['id'] as string, encode: toJson };
const resolve = (rows: ConflictRow | readonly ConflictRow[], resolution: unknown): unknown =>
  resolveConflict('changes' in rows ? [rows] : rows, resolution as Resolution, rules);
const sent = (...changes: unknown[]): object => ({
  kind: 'resend',
  changes,
  versions: changes.map(() => 2),
  asMeant: false,
});
const chosen = { kind: 'server', reason: 'chosen' };

describe('CF4 resolve', () => {
  test("'mine' and 'theirs' are what the strategies would do", () => {
    for (const row of [
      edit,
      rowOf(remove(base), theirs),
      rowOf(insert(base), theirs),
      rowOf(update(base, { title: 'oat' }), gone, base),
    ]) {
      expect(resolve(row, 'mine')).toEqual(judgeConflict(dispute(row, 'clientWins')));
      expect(resolve(row, 'theirs')).toEqual(chosen);
    }
  });

  test('fields: as the user says, on top of theirs and of what only mine has changed', () => {
    const both = { fields: { title: 'oat, rye' } };
    expect(resolve(edit, both)).toEqual(sent(update(theirs, { done: true, title: 'oat, rye' })));
    const more = { fields: { title: null, rank: undefined, done: false } };
    expect(resolve(edit, more)).toEqual(sent(update(theirs, { title: null, rank: undefined })));
  });

  test('fields that leave all as it is there are theirs', () => {
    expect(resolve(edit, { fields: { title: 'rye', done: false } })).toEqual(chosen);
  });

  test('fields of a row that one side has deleted', () => {
    expect(resolve(rowOf(remove(base), theirs), { fields: { title: 'x' } })).toEqual(
      sent(update(theirs, { title: 'x' })),
    );
    expect(resolve(rowOf(update(base, { title: 'oat' }), gone, base), { fields: { done: 1 } })).toEqual(
      sent(insert({ ...base, title: 'oat', done: 1 })),
    );
  });

  test('a field that is removed is not there, rather than undefined', () => {
    const row = rowOf(update(base, { title: 'oat' }), gone, base);
    expect(resolve(row, { fields: { done: undefined } })).toStrictEqual(
      sent(insert({ id: 'a', title: 'oat' })),
    );
  });

  test('RD5 a gone row that is not known as a whole: only theirs', () => {
    const half = rowOf(update(base, { title: 'oat' }), gone);
    expect(resolve(half, 'theirs')).toEqual(chosen);
    for (const other of ['mine', { fields: { title: 'x' } }])
      expect(() => resolve(half, other)).toThrow(expect.objectContaining({ code: 'VALIDATION' }));
  });

  test('several rows: all alike, or row by row', () => {
    const rows = conflictRows(
      { changes: [update(base, { title: 'oat' }), { ...remove(base), id: 'b' }], versions: [1, 1] },
      () => ({ row: base, version: 1 }),
      ['a', 'b'].map((id) => ({ collection: 'todos', id, row: { ...theirs, id }, version: 2 })),
    );
    const title = update(theirs, { title: 'oat' });
    const deletion = { ...remove({ ...theirs, id: 'b' }), id: 'b' };
    expect(resolve(rows, 'mine')).toMatchObject({ changes: [title, deletion], asMeant: true });
    expect(resolve(rows, 'theirs')).toEqual(chosen);
    expect(resolve(rows, { rows: { 'todos/a': 'theirs', 'todos/b': 'mine' } })).toMatchObject({
      changes: [deletion],
      asMeant: false,
    });
    expect(
      resolve(rows, { rows: { 'todos/a': { fields: { title: 'x' } }, 'todos/b': 'theirs' } }),
    ).toMatchObject({
      changes: [update(theirs, { title: 'x' })],
    });
    for (const bad of [
      { fields: { title: 'x' } },
      { rows: { 'todos/a': 'mine' } },
      { rows: null },
      { rows: {} },
    ])
      expect(() => resolve(rows, bad)).toThrow(expect.objectContaining({ code: 'VALIDATION' }));
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'VALIDATION'],
    ['a word that is none', 'server', 'VALIDATION'],
    ['ask', 'ask', 'VALIDATION'],
    ['fields that are none', { fields: 'title' }, 'VALIDATION'],
    ['not all contested fields', { fields: { rank: 2 } }, 'VALIDATION'],
    ['another key', { fields: { title: 'x', id: 'b' } }, 'VALIDATION'],
    ['what cannot be sent', { fields: { title: NaN } }, 'NOT_SERIALIZABLE'],
  ])('%s is refused, and decides nothing', (_name, resolution, code) => {
    expect(() => resolve(edit, resolution)).toThrow(expect.objectContaining({ code }));
  });
});
