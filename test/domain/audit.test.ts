import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  auditEntry,
  auditJson,
  auditSlot,
  auditTrail,
  MAX_AUDIT_ENTRIES,
  nextAuditSeq,
  type AuditEntry,
} from '../../src/domain/audit.js';
import { defineCollection } from '../../src/domain/collection.js';
import type { ConflictOutcome } from '../../src/domain/conflictOutcome.js';
import { SyncError } from '../../src/domain/errors.js';
import { judgeConflict } from '../../src/domain/judgeConflict.js';
import { dispute, remove, rowOf, update } from './disputes.js';

const base = { id: 'a', title: 'milk', done: false };
const theirs = { ...base, title: 'rye' };
const edit = rowOf(update(base, { title: 'oat' }), theirs, base);
const of = { at: 5, token: 't', name: '@update', strategy: { todos: 'clientWins' } } as const;
const entry = (outcome: ConflictOutcome, row = edit): AuditEntry => ({
  ...auditEntry(of, [row], outcome, new Map()),
  seq: 0,
});

describe('CF5 an entry', () => {
  test('says what each side had, and what came of it', () => {
    const mine = { ...base, title: 'oat' };
    const [row] = entry(judgeConflict(dispute(edit, 'clientWins'))).rows;
    expect(row).toEqual({ collection: 'todos', id: 'a', base, mine, theirs: edit.theirs, after: mine });
    const after = (outcome: ConflictOutcome, of = edit): unknown => entry(outcome, of).rows[0]!.after;
    expect(after({ kind: 'server', reason: 'chosen' })).toEqual(theirs);
    expect(after({ kind: 'confirmed' })).toEqual(theirs);
    expect(after({ kind: 'ask' })).toEqual(mine);
    const gone = rowOf(remove(base), theirs);
    expect(after(judgeConflict(dispute(gone, 'clientWins')), gone)).toBeUndefined();
  });

  test('LF2 leaves out what its collection redacts, on every side', () => {
    const todos = defineCollection<typeof base>({ name: 'todos', key: 'id', redact: ['title'] });
    const outcome = judgeConflict(dispute(edit, 'clientWins'));
    const { rows } = auditEntry(of, [edit], outcome, new Map([['todos', todos]]));
    const left = { id: 'a', done: false };
    const theirs = { row: left, version: 2 };
    expect(rows).toEqual([{ collection: 'todos', id: 'a', base: left, mine: left, theirs, after: left }]);
    const gone = rowOf(remove(base), { row: undefined, version: 2 });
    expect(auditEntry(of, [gone], outcome, new Map([['todos', todos]])).rows[0]).toMatchObject({
      mine: undefined,
      theirs: { row: undefined },
    });
  });

  test('says why, and survives structured clone', () => {
    const error = new SyncError('RESOLVER_FAILED', 'no', { cause: () => 1 });
    const asked = entry({ kind: 'ask', error });
    expect(asked).toMatchObject({ outcome: 'ask', error: { code: 'RESOLVER_FAILED' } });
    expect(structuredClone(asked)).toEqual(asked);
    expect(entry({ kind: 'server', reason: 'unchanged' })).toMatchObject({ reason: 'unchanged' });
  });
});

describe('CF5 the trail', () => {
  const numbered = (seq: number): AuditEntry => ({ ...entry({ kind: 'confirmed' }), seq });

  test('holds the newest, in order, however many were stored in its slots', () => {
    fc.assert(
      fc.property(fc.nat(3 * MAX_AUDIT_ENTRIES), (count) => {
        const slots = new Map<number, AuditEntry>();
        for (let i = 0; i < count; i++) {
          const seq = i % 7 === 0 ? nextAuditSeq([...slots.values()]) : i;
          slots.set(auditSlot(seq), numbered(seq));
        }
        expect(slots.size).toBeLessThanOrEqual(MAX_AUDIT_ENTRIES);
        const first = Math.max(0, count - MAX_AUDIT_ENTRIES);
        const seqs = auditTrail(slots.values()).map(({ seq }) => seq);
        expect(seqs).toEqual(Array.from({ length: count - first }, (_, i) => first + i));
      }),
      { numRuns: 20 },
    );
  });

  test('never more than its bound, whatever an older version has stored', () => {
    const stored = Array.from({ length: MAX_AUDIT_ENTRIES + 5 }, (_, i) => numbered(i)).reverse();
    const trail = auditTrail(stored);
    expect(trail).toHaveLength(MAX_AUDIT_ENTRIES);
    expect(trail.at(-1)!.seq).toBe(MAX_AUDIT_ENTRIES + 4);
    expect(nextAuditSeq(trail)).toBe(MAX_AUDIT_ENTRIES + 5);
    expect(nextAuditSeq([])).toBe(0);
  });

  test('is JSON that can be exported, also of values that JSON has not', () => {
    const was = { id: 'a', n: 1n, m: new Map([['k', 1]]), s: new Set([1]), d: new Date(0) };
    const json = auditJson([entry({ kind: 'confirmed' }, rowOf(remove(was), theirs))]);
    const [read] = JSON.parse(json) as AuditEntry[];
    expect(read!.rows[0]!.base).toEqual({
      id: 'a',
      n: '1',
      m: [['k', 1]],
      s: [1],
      d: '1970-01-01T00:00:00.000Z',
    });
    expect(JSON.parse(auditJson([]))).toEqual([]);
  });
});
