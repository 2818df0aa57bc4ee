import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyChange, diff, sameValue, type Change } from '../../src/domain/changes.js';
import { coalesce, createNetChange, withoutUnchanged } from '../../src/domain/coalesce.js';
import type { Row } from '../../src/domain/entity.js';
import { hostileField, jsonRow, jsonValue } from './arbitraries.js';

type Changes = readonly Change[];

const at = { collection: 'todos', id: 'a' } as const;
const insert = (row: Row): Change => ({ ...at, kind: 'insert', row });
const remove = (previous: Row): Change => ({ ...at, kind: 'delete', previous });
const update = (patch: Row, previous: Row = {}, unset: readonly string[] = []): Change => ({
  ...at,
  kind: 'update',
  patch,
  unset,
  previous,
});

const apply = (row: Row | undefined, changes: Changes): Row | undefined => changes.reduce(applyChange, row);
const merged = (parts: readonly Changes[]): Changes | undefined =>
  parts.reduce<Changes | undefined>((net, part) => net && coalesce(net, part), []);

/** What takes a change back, told by the change alone (MU4). */
function inverse(change: Change): Change {
  switch (change.kind) {
    case 'insert':
      return remove(change.row);
    case 'delete':
      return insert(change.previous);
    case 'update': {
      const fields = [...Object.keys(change.patch), ...change.unset];
      const added = fields.filter((field) => !Object.hasOwn(change.previous, field));
      return update(change.previous, {}, added);
    }
  }
}

describe('coalesce', () => {
  // The row was {t: 'milk', n: 1}; the older mutation makes it {t: 'oat'}; the newer one says soy.
  const older: Readonly<Record<string, Changes>> = {
    insert: [insert({ t: 'oat' })],
    update: [update({ t: 'oat' }, { t: 'milk', n: 1 }, ['n'])],
    delete: [remove({ t: 'milk', n: 1 })],
    replace: [remove({ t: 'milk', n: 1 }), insert({ t: 'oat' })],
  };
  const newer: Readonly<Record<string, Changes>> = {
    insert: [insert({ t: 'soy' })],
    update: [update({ t: 'soy', d: true }, { t: 'oat' })],
    delete: [remove({ t: 'oat' })],
    replace: [remove({ t: 'oat' }), insert({ t: 'soy' })],
  };

  test.each<[string, string, Changes | undefined]>([
    ['insert', 'insert', undefined],
    ['insert', 'update', [insert({ t: 'soy', d: true })]],
    ['insert', 'delete', []],
    ['insert', 'replace', [insert({ t: 'soy' })]],
    ['update', 'insert', undefined],
    ['update', 'update', [update({ t: 'soy', d: true }, { t: 'milk', n: 1 }, ['n'])]],
    ['update', 'delete', [remove({ t: 'milk', n: 1 })]],
    ['update', 'replace', [remove({ t: 'milk', n: 1 }), insert({ t: 'soy' })]],
    ['delete', 'insert', [remove({ t: 'milk', n: 1 }), insert({ t: 'soy' })]],
    ['delete', 'update', undefined],
    ['delete', 'delete', undefined],
    ['delete', 'replace', undefined],
    ['replace', 'insert', undefined],
    ['replace', 'update', [remove({ t: 'milk', n: 1 }), insert({ t: 'soy', d: true })]],
    ['replace', 'delete', [remove({ t: 'milk', n: 1 })]],
    ['replace', 'replace', [remove({ t: 'milk', n: 1 }), insert({ t: 'soy' })]],
  ])('CO1 %s, then %s', (first, then, net) => {
    expect(coalesce(older[first]!, newer[then]!)).toEqual(net);
  });

  test('CO1 of two updates the later wins, and the first previous values are kept, absent ones too', () => {
    const one = update({ both: 1, added: 1, set: 1 }, { both: 0, gone: 0, set: 0 }, ['gone']);
    const two = update({ both: 2, added: 2, gone: 2, late: 2 }, { both: 1, added: 1, set: 1, late: 0 }, [
      'set',
    ]);
    expect(coalesce([one], [two])).toEqual([
      update({ both: 2, added: 2, gone: 2, late: 2 }, { both: 0, gone: 0, set: 0, late: 0 }, ['set']),
    ]);
  });

  test('CO1 an update, then a delete: its previous row has no field that the update added', () => {
    const edits = [update({ t: 'oat', d: true }, { t: 'milk' })];
    const [gone] = coalesce(edits, [remove({ t: 'oat', d: true, n: 1 })])!;
    expect(gone).toStrictEqual(remove({ t: 'milk', n: 1 }));
  });

  test.each<[string, Changes]>([
    ['two inserts', [insert({}), insert({})]],
    ['a replace and more', [remove({}), insert({}), update({ n: 1 })]],
    ['an insert and its delete', [insert({}), remove({})]],
    ['a delete here, an insert there', [remove({}), { ...insert({}), id: 'b' }]],
  ])('CO3 the changes of one mutation are one change or a replace; %s do not merge', (_name, changes) => {
    expect(coalesce(changes, [update({ n: 2 })])).toBeUndefined();
    expect(coalesce([update({ n: 2 })], changes)).toBeUndefined();
  });

  test.each([[null], [0], [''], [false]])('CF6 %j is an edit like any other', (value) => {
    const empty = update({ f: value }, { f: 1 });
    expect(coalesce([insert({ f: 1 })], [empty])).toEqual([insert({ f: value })]);
    expect(coalesce([update({ f: 1 }, { f: value })], [empty])).toEqual([update({ f: value }, { f: value })]);
    expect(coalesce([empty], [update({ g: 1 })])).toEqual([update({ f: value, g: 1 }, { f: 1 })]);
    expect(coalesce([empty], [update({}, { f: value }, ['f'])])).toEqual([update({}, { f: 1 }, ['f'])]);
    expect(coalesce([update({}, { f: 1 }, ['f'])], [empty])).toEqual([update({ f: value }, { f: 1 })]);
  });

  test('CF6 a field that was removed stays removed, and one that was added and removed is as removed', () => {
    expect(coalesce([insert({ f: 1, g: 1 })], [update({}, { f: 1 }, ['f'])])).toStrictEqual([
      insert({ g: 1 }),
    ]);
    expect(coalesce([update({}, { f: 1 }, ['f'])], [update({ g: 1 })])).toEqual([
      update({ g: 1 }, { f: 1 }, ['f']),
    ]);
    expect(coalesce([update({ f: 1 })], [update({}, { f: 1 }, ['f'])])).toStrictEqual([
      update({}, {}, ['f']),
    ]);
  });

  test('LF3 hostile field names are fields: set, changed, removed, and what they were is kept', () =>
    fc.assert(
      fc.property(hostileField, jsonValue, jsonValue, (field, one, two) => {
        const row = (value: unknown): Row => Object.fromEntries([[field, value]]);
        const add = update(row(one), {});
        const set = update(row(two), row(one));
        const unset = update({}, row(two), [field]);
        const same = (net: Changes | undefined, ...expected: Change[]): void => {
          expect(sameValue(net, expected)).toBe(true);
          for (const part of net!)
            for (const fields of Object.values(part).filter((value) => typeof value === 'object'))
              expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(fields));
        };
        same(coalesce([insert({})], [add]), insert(row(one)));
        same(coalesce([insert(row(one))], [set]), insert(row(two)));
        same(coalesce([insert(row(two))], [unset]), insert({}));
        same(coalesce([add], [set]), update(row(two)));
        same(coalesce([set], [unset]), update({}, row(one), [field]));
        same(coalesce([unset], [add]), update(row(one), row(two)));
        same(coalesce([set], [remove(row(two))]), remove(row(one)));
        same(coalesce([add], [remove(row(one))]), remove({}));
        same(withoutUnchanged([add], {}), add);
        same(withoutUnchanged([set], row(two)));
        same(withoutUnchanged([unset], {}));
        same(withoutUnchanged([unset], row(two)), unset);
      }),
    ));
});

// Any life of one row, told as the changes of each mutation; frozen, for nothing here may edit what it is given.
const rowOrNone = fc.option(jsonRow, { nil: undefined });
const field = fc.oneof(fc.constantFrom('a', 'b', 'c'), hostileField);
const edits = fc.array(fc.tuple(field, fc.option(jsonValue, { nil: undefined })), { maxLength: 3 });
const step = fc.oneof(
  rowOrNone.map((row) => ({ to: () => row, isReplace: false })),
  jsonRow.map((row) => ({ to: () => row, isReplace: true })),
  // A few fields only: rows made up afresh have none in common.
  edits.map((some) => ({ to: (row: Row | undefined) => row && edited(row, some), isReplace: false })),
);

/** The row with these fields; without those that are undefined. */
function edited(row: Row, fields: readonly (readonly [string, unknown])[]): Row {
  const values = new Map([...Object.entries(row), ...fields]);
  return Object.fromEntries([...values].filter(([, value]) => value !== undefined));
}

const life = (steps: number): fc.Arbitrary<{ before: Row | undefined; parts: readonly Changes[] }> =>
  fc.tuple(rowOrNone, fc.array(step, { minLength: steps, maxLength: steps * 2 })).map(([before, next]) => {
    let row = before;
    const parts = next.map(({ to, isReplace }): Changes => {
      const after = to(row);
      const change = diff('todos', 'a', row, after);
      const whole = isReplace && row !== undefined && after !== undefined && [remove(row), insert(after)];
      const part = whole || (change === undefined ? [] : [change]);
      row = apply(row, part);
      return freeze(part);
    });
    return { before, parts };
  });

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value))
    Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}

/** The order of the removed fields means nothing. */
const normal = (changes: Changes | undefined): object | undefined =>
  changes?.map((change) =>
    change.kind === 'update' ? { ...change, unset: [...change.unset].sort() } : change,
  );

describe('coalesce, for any life of a row', () => {
  test('CO1 the net change does what all do in a row, on any row that the first one fits', () =>
    fc.assert(
      fc.property(life(2), jsonRow, ({ before, parts }, other) => {
        const net = merged(parts)!;
        for (const row of before === undefined ? [undefined] : [before, other]) {
          const one = apply(row, net);
          const all = parts.reduce(apply, row);
          expect(sameValue(one, all)).toBe(true);
          expect(one).toEqual(all);
        }
      }),
    ));

  test('CO1 two changes that do not follow from one another merge to what both do, or not at all', () =>
    fc.assert(
      fc.property(life(1), life(1), jsonRow, (one, two, row) => {
        const [older, newer] = [one.parts[0]!, two.parts[0]!];
        const net = coalesce(older, newer);
        const start = older[0]?.kind === 'insert' ? undefined : row;
        if (net === undefined) return;
        expect(sameValue(apply(start, net), apply(apply(start, older), newer))).toBe(true);
      }),
    ));

  test('CO1 however they are grouped, the net change is the same', () =>
    fc.assert(
      fc.property(life(3), fc.infiniteStream(fc.nat()), ({ parts }, cuts) => {
        const grouped = (some: readonly Changes[]): Changes | undefined => {
          if (some.length === 1) return some[0];
          const cut = 1 + (cuts.next().value! % (some.length - 1));
          const [left, right] = [grouped(some.slice(0, cut)), grouped(some.slice(cut))];
          return left && right && coalesce(left, right);
        };
        const net = merged(parts);
        expect(net).toBeDefined();
        expect(sameValue(normal(grouped(parts)), normal(net))).toBe(true);
      }),
    ));

  test('MU4 what it says of the values before leads back to the row before', () =>
    fc.assert(
      fc.property(life(2), ({ before, parts }) => {
        const net = merged(parts)!;
        const back = [...net].reverse().map(inverse);
        expect(sameValue(apply(apply(before, net), back), before)).toBe(true);
      }),
    ));

  test('CO1 grown one by one, it is the same, and what was read before stays as it was', () =>
    fc.assert(
      fc.property(life(2), ({ parts }) => {
        const net = createNetChange();
        parts.forEach((part, i) => {
          const known = freeze(net.changes);
          expect(net.add(part)).toBe(true);
          expect(sameValue(known, merged(parts.slice(0, i)))).toBe(true);
          expect(net.isNothing).toBe(net.changes.length === 0);
        });
        const there = net.changes;
        expect(net.add([insert({}), insert({})])).toBe(false);
        expect(net.changes).toEqual(there);
      }),
    ));
});

describe('withoutUnchanged', () => {
  const base = { t: 'milk', n: 0, tags: ['x'] };

  test.each<[string, Changes, Changes]>([
    ['an update back to the base value', [update({ t: 'milk' }, { t: 'milk' })], []],
    ['a nested value of the same content', [update({ tags: ['x'] }, { tags: [] })], []],
    ['a removed field that is not there', [update({}, {}, ['d'])], []],
    ['one of two fields', [update({ t: 'milk', n: 1 }, { t: 'milk', n: 0 })], [update({ n: 1 }, { n: 0 })]],
    [
      'what is removed in vain, but not what is set',
      [update({ n: 1 }, { n: 0 }, ['d'])],
      [update({ n: 1 }, { n: 0 })],
    ],
    [
      'what is set in vain, but not what is removed',
      [update({ n: 0 }, { n: 0, t: 'milk' }, ['t'])],
      [update({}, { t: 'milk' }, ['t'])],
    ],
    ['a replace by the base row', [remove(base), insert({ ...base, tags: ['x'] })], []],
  ])('CO1 leaves out %s', (_name, changes, left) => {
    expect(withoutUnchanged(changes, base)).toStrictEqual(left);
  });

  test.each<[string, Changes]>([
    ['an update', [update({ t: 'oat' }, { t: 'milk' })]],
    ['a field that the base has not', [update({ d: false })]],
    ['a replace with a field more', [remove(base), insert({ ...base, d: 1 })]],
    ['a replace with a field less', [remove(base), insert({ t: 'milk', n: 0 })]],
    ['a delete', [remove(base)]],
    ['an insert of the base row', [insert(base)]],
    ['nothing', []],
  ])('CO1 leaves %s as it is', (_name, changes) => {
    expect(withoutUnchanged(changes, base)).toBe(changes);
  });

  test('CO1 without a base row everything is left as it is: the server decides', () => {
    const changes = [update({ t: 'milk' }, {}, ['n'])];
    expect(withoutUnchanged(changes, undefined)).toBe(changes);
  });

  test.each([[null], [0], [''], [false]])('CF6 %j is neither absent nor any other empty value', (value) => {
    for (const other of [{}, { f: 1 }, { f: [] }, { f: NaN }])
      expect(withoutUnchanged([update({ f: value })], other)).toHaveLength(1);
    expect(withoutUnchanged([update({}, {}, ['f'])], { f: value })).toHaveLength(1);
    expect(withoutUnchanged([update({ f: value })], { f: value })).toEqual([]);
  });

  test('CO1 on its base it does the same, and nothing that is left is in vain', () =>
    fc.assert(
      fc.property(life(1), jsonRow, ({ before, parts }, other) => {
        const changes = merged(parts)!;
        for (const base of before === undefined ? [undefined] : [before, other]) {
          const left = freeze(withoutUnchanged(changes, base));
          const after = apply(base, changes);
          expect(sameValue(apply(base, left), after)).toBe(true);
          if (sameValue(base, after)) expect(left.filter(({ kind }) => kind !== 'delete')).toEqual([]);
          if (left[0]?.kind !== 'update') continue;
          const { patch, unset, previous } = left[0];
          for (const field of Object.keys(patch))
            expect(Object.hasOwn(base!, field) && sameValue(base![field], patch[field])).toBe(false);
          for (const field of unset) expect(Object.hasOwn(base!, field)).toBe(true);
          for (const field of Object.keys(previous))
            expect([...unset, ...Object.keys(patch)]).toContain(field);
        }
      }),
    ));

  test('CO1 edits that lead back to the base row are annulled', () =>
    fc.assert(
      fc.property(jsonRow, fc.array(jsonRow, { minLength: 1, maxLength: 4 }), (base, rows) => {
        const states = [base, ...rows, base];
        const parts = states.flatMap((row, i): Changes[] => {
          const change = i === 0 ? undefined : diff('todos', 'a', states[i - 1], row);
          return change === undefined ? [] : [[change]];
        });
        expect(withoutUnchanged(merged(parts)!, base)).toEqual([]);
      }),
    ));
});
