import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCollectionIndex } from '../../src/domain/collectionIndex.js';
import { SyncError } from '../../src/domain/errors.js';
import { predicate, type Query } from '../../src/domain/query.js';
import { queryKey } from '../../src/domain/queryKey.js';
import { HOSTILE } from './arbitraries.js';
import { rowList } from './rowList.js';

interface Airport {
  id: string;
  name?: string | null;
  rank?: number;
  open?: boolean;
  at?: Date;
  tags?: readonly string[];
}
const rows: readonly Airport[] = [
  { id: 'a', name: 'Zürich', rank: 3, open: true, at: new Date(10), tags: ['hub'] },
  { id: 'b', name: 'Aarhus', rank: 1, open: false, at: new Date(20) },
  { id: 'c', name: null, rank: 3 },
  { id: 'd', rank: 2, open: true, tags: ['hub'] },
];
const entries = rows.map((row): [string, Airport] => [row.id, row]);
const select = (from: readonly [string, Airport][], query: Query<Airport>): readonly Airport[] =>
  createCollectionIndex(query, rowList(from), (id) => from.findIndex(([known]) => known === id)).rows();
const ids = (query: Query<Airport>): string =>
  select(entries, query)
    .map(({ id }) => id)
    .join('');

describe('ST9 where', () => {
  test.each<[string, Query<Airport>['where'], string]>([
    ['nothing', undefined, 'abcd'],
    ['no conditions', {}, 'abcd'],
    ['a value', { rank: 3 }, 'ac'],
    ['false', { open: false }, 'b'],
    ['null, which is not missing', { name: null }, 'c'],
    ['a date', { at: new Date(10) }, 'a'],
    ['an array by content', { tags: ['hub'] }, 'ad'],
    ['all of several', { rank: 3, open: true }, 'a'],
    ['eq', { rank: { eq: 2 } }, 'd'],
    ['ne, which a missing field meets', { open: { ne: true } }, 'bc'],
    ['in', { rank: { in: [1, 2] } }, 'bd'],
    ['gt', { rank: { gt: 2 } }, 'ac'],
    ['gte and lt', { rank: { gte: 2, lt: 3 } }, 'd'],
    ['lte', { rank: { lte: 1 } }, 'b'],
    ['an undefined operand, which says nothing', { rank: { gt: undefined, lte: 1 } as never }, 'b'],
    ['dates compare', { at: { gt: new Date(10) } }, 'b'],
    ['null and missing are never greater or less', { name: { gt: '' } }, 'ab'],
    ['contains, ignoring case', { name: { contains: 'ÜRI' } }, 'a'],
    ['a function', (row) => row.rank === 2, 'd'],
  ])('%s', (_name, where, found) => expect(ids({ ...(where !== undefined && { where }) })).toBe(found));

  test('what is neither data nor a function is an error that names it', () => {
    expect(() => predicate('rank > 3')).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTIONS',
        message: expect.stringContaining('"rank > 3"') as string,
      }),
    );
  });

  test('LF3 hostile field names are conditions like any other', () => {
    for (const field of HOSTILE) {
      const where = JSON.parse(`{${JSON.stringify(field)}:"x"}`) as object;
      const hit = JSON.parse(`{"id":"h",${JSON.stringify(field)}:"x"}`) as Airport;
      expect(select([...entries, ['h', hit]], { where })).toEqual([hit]);
    }
  });
});

describe('ST9 order, offset, limit', () => {
  test.each<[string, Query<Airport>, string]>([
    ['as known without orderBy', {}, 'abcd'],
    ['a field, ties by id', { orderBy: 'rank' }, 'bdac'],
    ['descending, ties by id still ascending', { orderBy: { field: 'rank', direction: 'desc' } }, 'acdb'],
    ['several fields', { orderBy: ['rank', { field: 'name', direction: 'desc' }] }, 'bdac'],
    ['missing, then null, then text', { orderBy: 'name' }, 'dcba'],
    ['missing, then booleans', { orderBy: 'open' }, 'cbad'],
    ['limit', { orderBy: 'rank', limit: 2 }, 'bd'],
    ['offset and limit', { orderBy: 'rank', offset: 1, limit: 2 }, 'da'],
    ['limit 0', { limit: 0 }, ''],
    ['an offset beyond the end', { offset: 9 }, ''],
  ])('%s', (_name, query, found) => expect(ids(query)).toBe(found));

  test('sorting does not depend on the order in which rows became known', () =>
    fc.assert(
      fc.property(
        fc.shuffledSubarray(entries, { minLength: 4 }),
        fc.constantFrom('rank', 'name', 'open', 'at'),
        (shuffled, orderBy) => {
          const query = { orderBy } as Query<Airport>;
          expect(select(shuffled, query)).toEqual(select(entries, query));
        },
      ),
    ));
});

describe('ST9 queryKey', () => {
  const key = (where: unknown): string | undefined => queryKey({ where } as Query<never>);

  test('equal queries share a key, whatever the order of their conditions', () => {
    expect(key({ a: 1, b: { gt: 2, lt: 3 } })).toBe(key({ b: { lt: 3, gt: 2 }, a: 1 }));
  });

  test('a function has none', () => expect(key(() => true)).toBeUndefined());

  test.each<[string, unknown, unknown]>([
    ['a number and its text', { a: 1 }, { a: '1' }],
    ['a date and its text', { a: new Date(0) }, { a: new Date(0).toISOString() }],
    ['minus and plus infinity', { a: { gt: -Infinity } }, { a: { gt: Infinity } }],
    ['NaN and null', { a: NaN }, { a: null }],
    ['an undefined value, which asks for a missing field, and no condition', { a: undefined }, {}],
    ['undefined and null in a list', { a: { in: [undefined] } }, { a: { in: [null] } }],
    ['a bigint and its text', { a: 1n }, { a: '1' }],
    ['minus zero, which equals no other, and zero', { a: -0 }, { a: 0 }],
  ])('different queries never share one: %s', (_name, one, other) => expect(key(one)).not.toBe(key(other)));

  test.each<[string, unknown, string]>([
    ['a Map', { a: new Map([['x', 1]]) }, 'a Map'],
    ['a Set', { a: { in: new Set([1]) } }, 'a Set'],
    ['bytes', { a: { eq: [new Uint8Array(2)] } }, 'a Uint8Array'],
    ['an instance of a class', { a: { gt: new URL('a:b') } }, 'a URL'],
    ['a function', { a: { eq: () => true } }, 'a function'],
  ])('there is none for %s, which is equal to nothing but itself', (_name, where, what) => {
    expect(() => key(where)).toThrow(SyncError);
    expect(() => key(where)).toThrow(`received ${what}; ask for it by a function as where.`);
  });

  test('an object from another realm, or without a prototype, is plain', () => {
    const foreign = runInNewContext('({ a: { b: 1 } })') as unknown;
    expect(key(foreign)).toBe(key({ a: { b: 1 } }));
    expect(key({ a: Object.assign(Object.create(null) as object, { b: 1 }) })).toBe(key({ a: { b: 1 } }));
  });

  test('limit, offset and order belong to it', () => {
    const keys = [
      {},
      { limit: 1 },
      { offset: 1 },
      { orderBy: 'a' },
      { orderBy: { field: 'a', direction: 'desc' } },
    ];
    expect(new Set(keys.map((query) => queryKey(query as Query<never>))).size).toBe(keys.length);
  });
});
