import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idempotencyKey, readRecord, scopeLane } from '../../src/domain/mutation.js';
import { mutation } from '../../src/testing/storageSamples.js';

const stored = mutation('t1');
const damaged = (change: Record<string, unknown>): unknown => readRecord({ ...stored, ...change });

describe('OB7 readRecord', () => {
  test('reads what was written', () => expect(readRecord(structuredClone(stored))).toEqual(stored));

  test('a change that does not say what was there before is read: it still says what to do', () => {
    const update = { kind: 'update', collection: 'todos', id: 'a', patch: { title: 'x' }, unset: [] };
    const gone = { kind: 'delete', collection: 'todos', id: 'b' };
    expect(damaged({ changes: [update, gone] })).toMatchObject({
      changes: [
        { ...update, previous: {} },
        { ...gone, previous: {} },
      ],
    });
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'it is not an object'],
    ['null', null, 'it is not an object'],
    ['text', 'x', 'it is not an object'],
    ['no token', { ...stored, token: undefined }, 'it has no token'],
    ['an empty token', { ...stored, token: '' }, 'it has no token'],
    ['no rev', { ...stored, rev: '0' }, 'token t1 has no rev'],
    ['no name', { ...stored, name: 7 }, 'token t1 has no definition name'],
    ['no changes', { ...stored, changes: undefined }, 'token t1 has damaged changes'],
    [
      'a change of an unknown kind',
      { ...stored, changes: [{ ...stored.changes[0], kind: 'merge' }] },
      'token t1 has damaged changes',
    ],
    [
      'a change without an id',
      { ...stored, changes: [{ kind: 'delete', collection: 'todos' }] },
      'token t1 has damaged changes',
    ],
    [
      'an insert without a row',
      { ...stored, changes: [{ kind: 'insert', collection: 'todos', id: 'a' }] },
      'token t1 has damaged changes',
    ],
    [
      'an update without a list of removed fields',
      { ...stored, changes: [{ ...stored.changes[0], unset: undefined }] },
      'token t1 has damaged changes',
    ],
    ['a null among the changes', { ...stored, changes: [null] }, 'token t1 has damaged changes'],
    ['no lanes', { ...stored, lanes: 'todos/t1' }, 'token t1 has no lanes'],
  ])('says what is wrong with %s', (_name, value, unreadable) =>
    expect(readRecord(value)).toEqual({ unreadable }),
  );

  test('what an older version did not write has its default', () => {
    expect(damaged({ schema: undefined, priority: undefined, dependsOn: undefined })).toMatchObject({
      schema: 1,
      priority: 'normal',
      dependsOn: [],
    });
    expect(damaged({ priority: 'urgent' })).toMatchObject({ priority: 'normal' });
  });

  test('never throws, whatever is stored', () =>
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...Object.keys(stored)), (value, field) => {
        expect(readRecord(value)).toBeDefined();
        expect(readRecord({ ...stored, [field]: value })).toBeDefined();
      }),
    ));
});

test('SC1 the lane of a scope is no entity', () => expect(scopeLane('todos/a')).toBe('scope:todos/a'));

test('OB5 the idempotency key is token and rev', () =>
  expect(idempotencyKey({ token: 't1', rev: 2 })).toBe('t1.2'));
