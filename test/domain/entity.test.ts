import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkId,
  entityKey,
  isNewer,
  type BaseRow,
  MAX_ID_LENGTH,
  splitKey,
  type Version,
} from '../../src/domain/entity.js';

const known = (version: Version | undefined) => ({ row: { n: 1 }, version });

describe('RD3 isNewer', () => {
  test.each<[string, Version | undefined, BaseRow | undefined, boolean]>([
    ['anything over nothing', 1, undefined, true],
    ['an unversioned row over nothing', undefined, undefined, true],
    ['anything over an unversioned row', 1, known(undefined), true],
    ['an unversioned row over a versioned one', undefined, known(1), false],
    ['a higher number', 10, known(9), true],
    ['the same number: an echo', 9, known(9), false],
    ['a lower number: a stale page', 8, known(9), false],
    ['another text', 'b', known('a'), true],
    ['the same text', 'a', known('a'), false],
    ['text over a number', '9', known(9), true],
    ['over a tombstone of a later version', 4, { row: undefined, version: 5 }, false],
  ])('%s', (_name, incoming, base, newer) => expect(isNewer(incoming, base)).toBe(newer));

  test('whatever the order of arrival, the highest version stays', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1 }), (versions) => {
        let base: ReturnType<typeof known> | undefined;
        for (const version of versions) if (isNewer(version, base)) base = known(version);
        expect(base?.version).toBe(Math.max(...versions));
      }),
    ));
});

describe('LF3 ids', () => {
  test('a key splits into what it was made of, slashes and all', () =>
    fc.assert(
      fc.property(fc.stringMatching(/^[\w.-]{1,20}$/), fc.string({ minLength: 1 }), (collection, id) => {
        expect(splitKey(entityKey(collection, id))).toEqual({ collection, id });
      }),
    ));

  test.each(['__proto__', 'constructor', 'a/b', ' ', '\u0000', '😀', 'x'.repeat(MAX_ID_LENGTH)])(
    '%j is an id',
    (id) => expect(() => checkId('todos', id)).not.toThrow(),
  );

  test.each<[unknown, string]>([
    [7, 'received 7'],
    [undefined, 'received undefined'],
    [null, 'received null'],
    [{}, 'received an object'],
    ['', 'received 0'],
    ['x'.repeat(MAX_ID_LENGTH + 1), 'received 257'],
  ])('%j is refused, and the error says what was received', (id, said) => {
    expect(() => checkId('todos', id)).toThrow(
      expect.objectContaining({ code: 'INVALID_ID', message: expect.stringContaining(said) as string }),
    );
  });
});
