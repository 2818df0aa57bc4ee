import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pack, packList, unpack, unpackList, isJson } from '../../src/adapters/packed.js';
import { packRows, unpackRows } from '../../src/adapters/rowBatch.js';
import type { NamedRow } from '../../src/adapters/rowsByCollection.js';
import type { BaseRow } from '../../src/domain/entity.js';

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
});

test('OB6 whatever the value: as text or not, it is what structured clone would make of it', () =>
  fc.assert(
    fc.property(anything, (value) => {
      expect(unpack(structuredClone(pack(value)))).toStrictEqual(structuredClone(value));
    }),
    { numRuns: 500 },
  ));

test('OB6 plain data is text: no object for each of thousands to clone', () =>
  fc.assert(
    fc.property(fc.json(), (text) => {
      // By the text: -0 is a value that JSON does not bring back.
      expect('json' in pack(JSON.parse(JSON.stringify(JSON.parse(text))))).toBe(true);
    }),
  ));

test('OB7 of a list that is text, what is damaged in one line stays in it', () =>
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.nat(), (items, at) => {
      const list = items.filter((item) => isJson(item));
      fc.pre(list.length > 0);
      const asIs = (item: unknown): unknown => item;
      const packed = packList(list, asIs);
      if (!('json' in packed)) throw new Error('not text');
      expect(unpackList(packed, asIs)).toEqual(list);
      const lines = packed.json.slice(1, -1).split(',\n');
      const which = at % lines.length;
      const damaged = `{"torn":${lines[which] ?? ''}`;
      lines[which] = damaged;
      const read = unpackList({ json: `[${lines.join(',\n')}]` }, asIs);
      expect(read).toEqual(list.map((item, i) => (i === which ? damaged : item)));
    }),
  ));

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const version = some(fc.oneof(fc.nat(), fc.string()));
const fields = some(fc.dictionary(fc.string(), anything));
const baseRow = fc.record(
  { row: fields, version, at: fc.nat(), ownSince: fc.nat(), was: fields, seen: fc.nat() },
  { requiredKeys: ['row', 'version'] },
) as fc.Arbitrary<BaseRow>;
const names = fc.constantFrom('a', 'b', '__proto__');

test('OB6 LF3 rows by columns are the rows', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(names, fc.string(), baseRow)), (rows) => {
      const read = unpackRows(structuredClone(packRows(rows))).flatMap(({ collection, ids, rowAt }) =>
        ids.map((id, i): NamedRow => [collection, id, rowAt(i)]),
      );
      const byCollection = (all: readonly NamedRow[]) =>
        ['a', 'b', '__proto__'].map((name) => all.filter(([collection]) => collection === name));
      expect(byCollection(read)).toEqual(byCollection(structuredClone(rows)));
    }),
    { numRuns: 300 },
  ));
