import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineReader, toLine } from '../../src/adapters/mutationLine.js';
import { readRecord, type MutationRecord } from '../../src/domain/mutation.js';

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const json = fc.jsonValue().map(asJson); // without -0, which JSON loses
const fields = fc.dictionary(fc.constantFrom('title', 'done', '__proto__', 'n'), json);
const usualUpdate = fc.record({
  kind: fc.constant('update' as const),
  collection: fc.constantFrom('tasks', 'notes'),
  id: fc.oneof(fc.constantFrom('a', 'b', '7'), fc.string({ minLength: 1 })),
  patch: fields,
  unset: fc.constant([]),
  previous: fields,
});
/** As `mutate` makes them: an edit of one row. */
const usual = fc
  .record({
    token: fc.uuid(),
    rev: fc.constant(0),
    name: fc.constantFrom('@update', 'rename'),
    schema: fc.integer({ min: 1, max: 3 }),
    variables: fc.option(json, { nil: undefined }),
    change: usualUpdate,
    createdAt: fc.nat(),
    versions: fc.option(fc.oneof(fc.nat(), fc.string(), fc.constant(undefined)), { nil: null }),
  })
  .map(({ change, versions, token, rev, name, schema, variables, createdAt }): MutationRecord => ({
    token,
    rev,
    name,
    schema,
    variables,
    changes: [change],
    lanes: [`${change.collection}/${change.id}`],
    priority: 'normal',
    dependsOn: [],
    createdAt,
    ...(versions !== null && { versions: [versions] }),
  }));

const read = lineReader(); // one for all: what they share is what each had
const brought = (record: unknown): unknown => read(asJson(toLine(record as never)));

test('OB6 an edit of one row is a short line, and comes back as it was', () =>
  fc.assert(
    fc.property(usual, (record) => {
      expect(Array.isArray(toLine(record))).toBe(true);
      expect(brought(record)).toEqual(asJson(record)); // a version that is not known is null in JSON
    }),
  ));

const odd = fc.oneof(
  fc.anything(),
  fc.constantFrom<unknown>('high', 'background', 1, 0, -1, '', null, undefined, [], ['other'], {}),
);
const members = [
  ...[
    'token',
    'rev',
    'name',
    'schema',
    'variables',
    'changes',
    'lanes',
    'priority',
    'dependsOn',
    'createdAt',
  ],
  ...['versions', 'sendAfter', 'history', 'meta', 'split', 'resolved', 'newer'],
];
const changeMembers = ['kind', 'collection', 'id', 'patch', 'unset', 'previous', 'row', 'newer'];
const twist = (names: readonly string[]) =>
  fc.array(fc.tuple(fc.constantFrom(...names), fc.option(fc.tuple(odd), { nil: undefined })), {
    maxLength: 2,
  });
const twisted = (of: object, twists: readonly (readonly [string, readonly [unknown] | undefined])[]) => {
  const made: Record<string, unknown> = { ...of };
  for (const [name, to] of twists) {
    if (to === undefined) Reflect.deleteProperty(made, name);
    else [made[name]] = to;
  }
  return made;
};

test('OB7 whatever else a record holds or lacks comes back as well, or JSON is not asked to carry it', () =>
  fc.assert(
    fc.property(usual, twist(members), twist(changeMembers), (record, own, inChange) => {
      const { changes } = record;
      const strange = twisted({ ...record, changes: changes.map((one) => twisted(one, inChange)) }, own);
      if (toLine(strange as never) === undefined) return;
      expect(brought(strange)).toEqual(asJson(strange));
    }),
    { numRuns: 2_000 },
  ));

test('OB7 what could not be read stays what it is: a list is not taken for a line', () => {
  for (const kept of ['torn text', 7, null, true, {}]) expect(brought(kept)).toEqual(kept);
  expect(toLine([1, 2] as never)).toBe(undefined);
});

test('OB7 a line that lost its end is unreadable by itself', () => {
  expect(readRecord(lineReader()(['t1', '@update']))).toHaveProperty('unreadable');
});
