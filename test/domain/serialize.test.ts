import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SyncError } from '../../src/domain/errors.js';
import { jsonSize, setField, toCloneable, toJson } from '../../src/domain/serialize.js';
import { HOSTILE, jsonValue } from './arbitraries.js';

const pathOf = (value: unknown, encode = toJson): unknown => {
  try {
    encode(value, 'todos "a"');
  } catch (error) {
    if (error instanceof SyncError && error.code === 'NOT_SERIALIZABLE') return error.details['path'];
    throw error;
  }
  return 'accepted';
};

const cycle: { self?: unknown } = {};
cycle.self = cycle;

describe('OB6 toJson', () => {
  test.each<[string, unknown, string]>([
    ['NaN', { a: { b: NaN } }, 'a.b'],
    ['Infinity', [1, -Infinity], '[1]'],
    ['undefined in an array', { list: [1, undefined] }, 'list[1]'],
    ['a hole', { list: [, 1] }, 'list[0]'],
    ['a bigint', { n: 1n }, 'n'],
    ['a Date', { at: new Date(0) }, 'at'],
    ['a Map', { m: new Map() }, 'm'],
    ['a class instance', { x: new URLSearchParams() }, 'x'],
    ['a function', { f: () => 1 }, 'f'],
    ['a symbol', { s: Symbol('s') }, 's'],
    ['a symbol key', { inner: { [Symbol('k')]: 1 } }, 'inner'],
    ['a boxed number', { n: Object(1) as unknown }, 'n'],
    ['a promise', { p: Promise.resolve() }, 'p'],
    ['a typed array', { b: new Uint8Array(1) }, 'b'],
    ['a function itself', () => 1, ''],
  ])('refuses %s and says where', (_name, value, path) => expect(pathOf(value)).toBe(path));

  test('refuses a cycle instead of following it for ever', () => {
    expect(String(pathOf(cycle))).toMatch(/^self\.self\./);
    expect(String(pathOf(cycle, toCloneable))).toMatch(/^self\.self\./);
  });

  test('drops undefined fields and the sign of zero, as JSON does', () => {
    expect(Object.keys(toJson({ a: undefined, b: 1 }, 'x'))).toEqual(['b']);
    expect(Object.is(toJson({ n: -0 }, 'x').n, 0)).toBe(true);
  });

  test('names what it was given and what to do', () => {
    expect(() => toJson({ tags: [undefined] }, 'todos "a"')).toThrow(
      'todos "a": tags[0] is undefined; JSON turns it into null; use null.',
    );
  });

  test('anything at all: refused with its path, or carried by JSON unchanged', () =>
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withBoxedValues: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withNullPrototype: true,
          withSparseArray: true,
          withTypedArray: true,
          withObjectString: true,
        }),
        (value) => {
          let copy: unknown;
          try {
            copy = toJson({ value }, 'it').value;
          } catch (error) {
            expect(error).toBeInstanceOf(SyncError);
            expect((error as SyncError).code).toBe('NOT_SERIALIZABLE');
            return;
          }
          if (copy !== undefined) expect(JSON.parse(JSON.stringify(copy))).toStrictEqual(copy);
        },
      ),
      { numRuns: 1_000 },
    ));

  test('JSON is copied, deeply, and nothing is shared', () =>
    fc.assert(
      fc.property(fc.record({ inner: jsonValue }, { noNullPrototype: true }), (value) => {
        const copy = toJson(value, 'it');
        expect(copy).toStrictEqual(value);
        expect(copy).not.toBe(value);
        if (typeof value.inner === 'object' && value.inner !== null) expect(copy.inner).not.toBe(value.inner);
      }),
    ));

  test('LF3 hostile keys are carried as own fields and pollute nothing', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    for (const field of HOSTILE) {
      const value = JSON.parse(`{${JSON.stringify(field)}:{"polluted":true}}`) as object;
      for (const encode of [toJson, toCloneable]) {
        const copy = encode(value, 'it');
        expect(Object.keys(copy)).toEqual([field]);
        expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
      }
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect('polluted' in {}).toBe(false);
  });
});

describe('OB6 toCloneable', () => {
  test('carries what structured clone carries, as a private copy', () => {
    const value = {
      at: new Date(5),
      m: new Map([['k', 1n]]),
      n: NaN,
      list: [undefined],
      blob: new Blob(['x']),
    };
    const copy = toCloneable(value, 'it');
    expect(copy).toEqual(value);
    expect(copy.at).not.toBe(value.at);
    expect(copy.m).not.toBe(value.m);
  });

  test.each<[string, unknown, string]>([
    ['a function', { f: () => 1 }, 'f'],
    ['a function in a Map', { m: new Map([['f', () => 1]]) }, 'm'],
    ['a promise', { list: [Promise.resolve()] }, 'list[0]'],
  ])('refuses %s and says where', (_name, value, path) => expect(pathOf(value, toCloneable)).toBe(path));
});

describe('setField', () => {
  test('LF3 sets an own field, whatever its name', () => {
    const target: Record<string, unknown> = {};
    for (const field of HOSTILE) setField(target, field, 1);
    expect(Object.keys(target)).toEqual(HOSTILE);
    expect(Object.getPrototypeOf(target)).toBe(Object.prototype);
  });
});

describe('jsonSize', () => {
  test('is at least half of the JSON, escapes apart', () =>
    fc.assert(
      fc.property(jsonValue, (value) => {
        const json = JSON.stringify(value);
        if (!json.includes('\\'))
          expect(jsonSize(value, Infinity)).toBeGreaterThanOrEqual(json.length / 2 - 8);
      }),
    ));

  test('stops counting once it exceeds the limit', () => {
    const rows = Array.from({ length: 1_000 }, () => ({ text: 'x'.repeat(100) }));
    expect(jsonSize(rows, 1_000)).toBeLessThan(1_500);
  });
});
