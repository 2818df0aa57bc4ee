import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { holds, mergePatch } from '../../src/domain/mergePatch.js';

/** RFC 7396 §2, word for word: what a server does with a patch. */
function apply(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch))
    if (value === null) result.delete(name);
    else result.set(name, apply(result.get(name), value));
  return Object.fromEntries(result);
}
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
/** JSON without what a merge patch cannot say: null as the value of a field. */
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(0, 1, '', 'a', false, true),
    fc.array(fc.oneof(tie('json'), fc.constant(null)), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tie('json'), { maxKeys: 4 }),
  ),
}));

describe('mergePatch', () => {
  test('CF6 what it makes, a server turns into what was to be', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(apply(before, mergePatch(before, after))).toEqual(after);
      }),
    );
  });

  test.each([
    ['only what differs', { a: 1, b: { c: 1, d: 1 } }, { a: 1, b: { c: 2, d: 1 } }, { b: { c: 2 } }],
    ['null for what is gone', { a: { b: 1, c: 1 } }, { a: { b: 1 } }, { a: { c: null } }],
    ['lists as a whole', { a: [1, null] }, { a: [1, 2] }, { a: [1, 2] }],
    ['an object where there was none', { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    ['falsy values', { a: 1, b: 'x', c: true }, { a: 0, b: '', c: false }, { a: 0, b: '', c: false }],
  ])('CF6 %s', (_, before, after, patch) => {
    expect(mergePatch(before, after)).toEqual(patch);
  });

  test('LF3 a field called __proto__ is a field', () => {
    const patch = mergePatch({}, JSON.parse('{"__proto__":{"x":1}}'));
    expect(JSON.stringify(patch)).toBe('{"__proto__":{"x":1}}');
    expect(holds({}, JSON.parse('{"constructor":1}'))).toBe(false);
  });
});

describe('holds', () => {
  test('CF3 everything holds itself, and what more it has does not matter', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(holds(value, value)).toBe(true);
        expect(holds({ a: value, more: 1 }, { a: value })).toBe(true);
      }),
    );
  });

  test.each([
    [{ a: 1 }, { a: 2 }, false],
    [{}, { a: 1 }, false],
    [{}, { a: null }, true],
    [{ a: null }, {}, true],
    [{ a: 0 }, { a: null }, false],
    [{ id: 7 }, { id: '7' }, true],
    [{ a: [1, 2] }, { a: [1] }, false],
    [{ a: { b: 1, c: 2 } }, { a: { b: 1 } }, true],
    ['text', { a: 1 }, false],
    [undefined, { a: 1 }, false],
  ])('%o holds %o: %s', (whole, part, expected) => {
    expect(holds(whole, part)).toBe(expected);
  });
});
