import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advanceBase } from '../../src/domain/baseRows.js';
import type { Change } from '../../src/domain/changes.js';
import type { BaseRow, Row, ServerRow, Version } from '../../src/domain/entity.js';

const server = (row: Row | undefined, version: Version | undefined, id = 'a'): ServerRow => ({
  collection: 'todos',
  id,
  row,
  version,
});
const set = (patch: Row): Change => ({
  kind: 'update',
  collection: 'todos',
  id: 'a',
  patch,
  unset: [],
  previous: {},
});
const base = (row: Row | undefined, version: Version | undefined) => (): BaseRow => ({ row, version });
const nothing = (): undefined => undefined;

test('RD2 rows that the server sent enter the base, and speak for their entities', () => {
  const accepted = [{ rows: [server({ title: 'from the server' }, 2)], changes: [set({ title: 'mine' })] }];
  expect(advanceBase(base({ title: 'old' }, 1), accepted)).toEqual([server({ title: 'from the server' }, 2)]);
});

test('RD2 an acceptance without rows covers its changes by themselves, and keeps the known version', () => {
  const accepted = [{ rows: [], changes: [set({ title: 'mine' })] }];
  expect(advanceBase(base({ title: 'old', done: false }, 1), accepted)).toEqual([
    server({ title: 'mine', done: false }, 1),
  ]);
});

test('RD2 two acceptances of one batch build on each other', () => {
  const accepted = [set({ title: 'mine' }), set({ done: true })].map((change) => ({
    rows: [],
    changes: [change],
  }));
  expect(advanceBase(base({ title: 'old', done: false }, 1), accepted)).toEqual([
    server({ title: 'mine', done: true }, 1),
  ]);
});

test('RD3 older rows and repeated ones do not enter', () => {
  expect(advanceBase(base({ n: 5 }, 5), [{ rows: [server({ n: 4 }, 4)], changes: [] }])).toEqual([]);
  expect(advanceBase(base({ n: 5 }, 5), [{ rows: [server({ n: 5 }, 5)], changes: [] }])).toEqual([]);
});

test('RD3 a late older row does not revive what was deleted', () => {
  expect(advanceBase(base(undefined, 3), [{ rows: [server({ n: 1 }, 2)], changes: [] }])).toEqual([]);
});

test('RD3 of several rows of one entity in one page the highest version wins, in any order', () =>
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1 }), (versions) => {
      const rows = versions.map((version) => server({ version }, version));
      const top = Math.max(...versions);
      expect(advanceBase(nothing, [{ rows, changes: [] }])).toEqual([server({ version: top }, top)]);
    }),
  ));
