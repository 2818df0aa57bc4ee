import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyChange, diff, keyOf, sameValue, type Change } from '../../src/domain/changes.js';
import { withoutUnchanged } from '../../src/domain/coalesce.js';
import type { EntityKey, Row } from '../../src/domain/entity.js';
import { SyncError } from '../../src/domain/errors.js';
import { createMerge, MAX_MEMBERS, type Merge, type Mergeable } from '../../src/domain/merge.js';
import { touchedKeys, type Lane } from '../../src/domain/mutation.js';

const insert = (row: Row, id = 'a'): Change => ({ kind: 'insert', collection: 'todos', id, row });
const remove = (previous: Row = {}, id = 'a'): Change => ({
  kind: 'delete',
  collection: 'todos',
  id,
  previous,
});
const update = (patch: Row, id = 'a', previous: Row = {}): Change => ({
  kind: 'update',
  collection: 'todos',
  id,
  patch,
  unset: [],
  previous,
});

let tokens = 0;
function mutation(name: string, changes: readonly Change[], more: Partial<Mergeable> = {}): Mergeable {
  return {
    token: `m${tokens++}`,
    name,
    lanes: touchedKeys(changes),
    changes,
    variables: undefined,
    coalesce: undefined,
    apart: false,
    ...more,
  };
}
const builtIn = (change: Change, more?: Partial<Mergeable>): Mergeable =>
  mutation(`@${change.kind}`, [change], more);

const sum = (older: number, newer: number): number | 'annul' | undefined => {
  const by = older + newer;
  return by === 0 ? 'annul' : by > 100 ? undefined : by;
};
const add = (variables: unknown, more: Partial<Mergeable> = {}): Mergeable =>
  mutation('add', [update({ n: variables })], { variables, coalesce: sum, ...more });

const never = (error: SyncError): never => {
  throw error;
};
/** A merge of the first and those that join it, in order. */
function mergeOf(first: Mergeable, ...others: readonly Mergeable[]): Merge<Mergeable> {
  const merge = createMerge(first, never);
  for (const next of others) merge.join(next);
  return merge;
}

test('CO2 one by itself goes as it is', () => {
  const only = builtIn(update({ t: 'oat' }));
  const merge = mergeOf(only);
  expect(merge.members).toEqual([only]);
  expect(merge.content).toEqual({ kind: 'single' });
});

test('CO2 built-in mutations of one row go as their net changes, whatever their kinds', () => {
  const members = [insert({ t: 'milk' }), update({ t: 'oat' }), update({ d: true })].map((c) => builtIn(c));
  const merge = mergeOf(members[0]!, ...members.slice(1));
  expect(merge.members).toEqual(members);
  expect(merge.content).toEqual({ kind: 'changes', changes: [insert({ t: 'oat', d: true })] });
});

test('CO1 a delete and an insert of one row go as a replace: both or none', () => {
  const merge = mergeOf(builtIn(remove({ t: 'milk' })), builtIn(insert({ t: 'oat' })));
  expect(merge.content).toEqual({
    kind: 'changes',
    changes: [remove({ t: 'milk' }), insert({ t: 'oat' })],
  });
});

test('CO1 an annulled merge is closed: what follows begins anew, and the annulled ones can settle', () => {
  const merge = mergeOf(builtIn(insert({ t: 'milk' })), builtIn(remove({ t: 'milk' })));
  expect(merge.content).toEqual({ kind: 'annulled' });
  expect(merge.join(builtIn(insert({ t: 'oat' })))).toBe(false);
  expect(merge.members).toHaveLength(2);
});

const lanes = (...more: readonly Lane[]): Partial<Mergeable> => ({ lanes: ['todos/a', ...more] });

test.each<[string, Mergeable, Mergeable, boolean]>([
  ['the same row', builtIn(update({ t: 1 })), builtIn(update({ t: 2 })), true],
  ['another row', builtIn(update({ t: 1 })), builtIn(update({ t: 2 }, 'b')), false],
  [
    'one scope, one row',
    builtIn(update({ t: 1 }), lanes('scope:s')),
    builtIn(update({ t: 2 }), lanes('scope:s')),
    true,
  ],
  [
    'one scope, two rows',
    builtIn(update({ t: 1 }), { lanes: ['scope:s'] }),
    builtIn(update({ t: 2 }, 'b'), { lanes: ['scope:s'] }),
    false,
  ],
  ['a scope, and none', builtIn(update({ t: 1 }), lanes('scope:s')), builtIn(update({ t: 2 })), false],
  ['no scope, and one', builtIn(update({ t: 1 })), builtIn(update({ t: 2 }), lanes('scope:s')), false],
  [
    'two scopes',
    builtIn(update({ t: 1 }), lanes('scope:s')),
    builtIn(update({ t: 2 }), lanes('scope:z')),
    false,
  ],
  [
    'one that read another row',
    builtIn(update({ t: 1 })),
    builtIn(update({ t: 2 }), lanes('todos/b')),
    false,
  ],
  [
    'two that changed two rows',
    mutation('@update', [update({ t: 1 }), update({ t: 1 }, 'b')]),
    mutation('@update', [update({ t: 2 }), update({ t: 2 }, 'b')]),
    false,
  ],
  [
    'one of the two rows that the first changed',
    mutation('@update', [update({ t: 1 }), update({ t: 1 }, 'b')]),
    builtIn(update({ t: 2 }), lanes('todos/b')),
    false,
  ],
  ['one that changed nothing', builtIn(update({ t: 1 })), mutation('@update', [], lanes()), false],
  ['after one that changed nothing', mutation('@update', [], lanes()), builtIn(update({ t: 1 })), false],
  ['an insert after an update', builtIn(update({ t: 1 })), builtIn(insert({ t: 2 })), false],
  ['an update after a delete', builtIn(remove()), builtIn(update({ t: 2 })), false],
  ['a named one', builtIn(update({ t: 1 })), add(1), false],
  ['after a named one', add(1), builtIn(update({ t: 1 })), false],
  ['two of a name', add(1), add(2), true],
  ['two of a name that read the same other row', add(1, lanes('todos/b')), add(2, lanes('todos/b')), true],
  ['two of a name, one of which read another row', add(1), add(2, lanes('todos/b')), false],
  [
    'two of a name that read two rows and changed one each',
    add(1, lanes('todos/b')),
    add(2, { ...lanes('todos/b'), changes: [update({ n: 2 }, 'b')] }),
    false,
  ],
  [
    'two of a name that changed two rows',
    add(1, { ...lanes('todos/b'), changes: [update({ n: 1 }), update({ n: 1 }, 'b')] }),
    add(2, { ...lanes('todos/b'), changes: [update({ n: 2 }), update({ n: 2 }, 'b')] }),
    false,
  ],
  ['two of a name that changed nothing here', add(1, { changes: [], ...lanes() }), add(2), true],
])('CO3 %s', (_name, first, next, joins) => {
  const merge = createMerge(first, never);
  expect(merge.join(next)).toBe(joins);
  expect(merge.members).toEqual(joins ? [first, next] : [first]);
  expect(merge.content.kind === 'single').toBe(!joins);
});

test('CO3 two of a name that changed one row each never meet through one that changed none', () => {
  const both = lanes('todos/b');
  const merge = mergeOf(add(1, { ...both, changes: [] }), add(2, both));
  expect(merge.join(add(3, { ...both, changes: [update({ n: 3 }, 'b')] }))).toBe(false);
  expect(merge.content).toEqual({ kind: 'variables', variables: 3 });
});

test('CO6 one that is sealed or split off neither joins nor is joined', () => {
  const apart = { apart: true };
  expect(mergeOf(builtIn(update({ t: 1 }), apart), builtIn(update({ t: 2 }))).members).toHaveLength(1);
  expect(mergeOf(builtIn(update({ t: 1 })), builtIn(update({ t: 2 }), apart)).members).toHaveLength(1);
  expect(mergeOf(add(1, apart), add(2)).members).toHaveLength(1);
  expect(mergeOf(add(1), add(2, apart)).members).toHaveLength(1);
});

test(`CO6 a merge has at most ${MAX_MEMBERS} members, and looks at each once`, () => {
  let looks = 0;
  const merge = mergeOf(builtIn(insert({ t: -1 })));
  const titled = (t: number): Mergeable => ({
    ...builtIn(update({ t })),
    get changes() {
      looks++;
      return [update({ t, [`f${t}`]: t })];
    },
  });
  for (let t = 1; t < MAX_MEMBERS; t++) expect(merge.join(titled(t))).toBe(true);
  expect(merge.join(titled(MAX_MEMBERS))).toBe(false);
  expect(looks).toBe(MAX_MEMBERS - 1);
  const { content } = merge;
  const [change] = content.kind === 'changes' ? content.changes : [];
  expect(change?.kind === 'insert' && Object.keys(change.row)).toHaveLength(MAX_MEMBERS);
  expect(looks).toBe(MAX_MEMBERS - 1);
});

describe('coalesce of a definition', () => {
  const tag = (older: string, newer: string): string => `(${older} ${newer})`;
  const tagged = (variables: string): Mergeable => add(variables, { coalesce: tag });

  test('CO4 a run of three is the merge of the first two, merged with the third', () => {
    expect(mergeOf(tagged('a'), tagged('b'), tagged('c')).content).toEqual({
      kind: 'variables',
      variables: '((a b) c)',
    });
  });

  test('CO4 without one, nothing merges; of another name or another definition, neither', () => {
    const bare = { coalesce: undefined };
    expect(createMerge(add(1, bare), never).join(add(2, bare))).toBe(false);
    expect(createMerge(add(1), never).join(add(2, bare))).toBe(false);
    expect(createMerge(add(1), never).join(add(2, { name: 'subtract' }))).toBe(false);
    expect(createMerge(add(1), never).join(add(2, { coalesce: tag }))).toBe(false);
  });

  test('CO4 undefined: these two do not merge, and what is there may go on with the next', () => {
    const merge = mergeOf(add(60), add(70), add(30));
    expect(merge.members.map((m) => m.variables)).toEqual([60, 30]);
    expect(merge.content).toEqual({ kind: 'variables', variables: 90 });
  });

  test("CO4 'annul': together they mean nothing, and the merge is closed", () => {
    const merge = mergeOf(add(1), add(-1), add(5));
    expect(merge.members.map((m) => m.variables)).toEqual([1, -1]);
    expect(merge.content).toEqual({ kind: 'annulled' });
  });

  test.each([[null], [0], [''], [false]])('CF6 %j are variables like any other', (value) => {
    const merge = mergeOf(add(1, { coalesce: takeNewer }), add(value, { coalesce: takeNewer }));
    expect(merge.content).toEqual({ kind: 'variables', variables: value });
  });
  const takeNewer = (_older: unknown, newer: unknown): unknown => newer;

  test('LF3 hostile names in variables are fields', () => {
    const hostile = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as unknown;
    const merge = mergeOf(add({}, { coalesce: takeNewer }), add(hostile, { coalesce: takeNewer }));
    expect(JSON.stringify(merge.content)).toContain('{"__proto__":{"x":1},"constructor":2}');
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });

  test('CO6 one that edits what it is given changes neither the mutations nor what is merged so far', () => {
    const collect = (older: string[], newer: string[]): string[] | undefined => {
      older.push(...newer.splice(0));
      return older.length > 2 ? undefined : older;
    };
    const [a, b, c] = [['a'], ['b'], ['c']].map((v) => add(v, { coalesce: collect }));
    const merge = mergeOf(a!, b!, c!);
    expect([a, b, c].map((m) => m!.variables)).toEqual([['a'], ['b'], ['c']]);
    expect(merge.content).toEqual({ kind: 'variables', variables: ['a', 'b'] });
  });

  const boom = new Error('boom');
  const fail = (what: unknown): never => {
    throw what;
  };
  test.each<[string, () => unknown, string, unknown]>([
    ['throws', () => fail(boom), 'threw Error: boom', boom],
    ['throws no error', () => fail(undefined), 'threw undefined', undefined],
    ['is asynchronous', async () => Promise.reject(boom), 'returned a promise', undefined],
    ['returns a thenable', () => ({ then: () => undefined }), 'returned a promise', undefined],
    [
      'returns a function',
      () => () => undefined,
      'returned a function that cannot be stored',
      expect.any(SyncError),
    ],
    [
      'returns an object with a function in it',
      () => ({ at: { save: () => undefined } }),
      'returned an object that cannot be stored',
      expect.objectContaining({ code: 'NOT_SERIALIZABLE', details: { path: 'at.save' } }),
    ],
  ])('CO4 one that %s does not merge, is reported, and loses nothing', (_name, answer, what, cause) => {
    const errors: SyncError[] = [];
    const coalesce = (_older: unknown, newer: unknown): unknown => (newer === 2 ? answer() : newer);
    const merge = createMerge(add(1, { coalesce }), (error) => errors.push(error));
    expect(merge.join(add(2, { coalesce }))).toBe(false);
    expect(merge.members).toHaveLength(1);
    expect(merge.content).toEqual({ kind: 'single' });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'INVALID_RECIPE', recovery: 'system' });
    expect(errors[0]!.cause).toEqual(cause);
    expect(errors[0]!.message).toContain(`"add": its coalesce ${what}`);
    expect(errors[0]!.message).toContain("Return the merged variables, 'annul' or undefined");
    expect(merge.join(add(3, { coalesce }))).toBe(true);
    expect(errors).toHaveLength(1);
  });
});

// The model: a server of rows, a queue, and a drain that merges each run: those that follow one another in their lanes.

type Rows = ReadonlyMap<EntityKey, Row>;
/** Whether the server takes a row as it would become. */
type Accepts = (after: Row | undefined, before: Row | undefined) => boolean;

const BAD = 'BAD';
const anything: Accepts = () => true;
const noBadField: Accepts = (after) => after === undefined || !Object.values(after).includes(BAD);

/** The rows after `changes`, all or none; undefined when they are refused. */
function carryOut(rows: Rows, changes: readonly Change[], accepts: Accepts): Rows | undefined {
  const next = new Map(rows);
  for (const change of changes) {
    const key = keyOf(change);
    const before = next.get(key);
    const fits =
      change.kind === 'delete' || (change.kind === 'insert' ? before === undefined : before !== undefined);
    const after = applyChange(before, change);
    if (!fits || !accepts(after, before)) return undefined;
    if (after === undefined) next.delete(key);
    else next.set(key, after);
  }
  return next;
}

const oneByOne = (rows: Rows, queue: readonly Mergeable[], accepts: Accepts): Rows =>
  queue.reduce((at, { changes }) => carryOut(at, changes, accepts) ?? at, rows);

function runsOf(queue: readonly Mergeable[]): Merge<Mergeable>[] {
  const runs: Merge<Mergeable>[] = [];
  const last = new Map<Lane, Merge<Mergeable>>();
  for (const next of queue) {
    const [before, ...others] = new Set(next.lanes.map((lane) => last.get(lane)));
    if (before !== undefined && others.length === 0 && before.join(next)) continue;
    const run = createMerge(next, never);
    runs.push(run);
    for (const lane of next.lanes) last.set(lane, run);
  }
  return runs;
}

/** What a run sends, given the rows it finds. */
function sent({ content, members }: Merge<Mergeable>, rows: Rows): readonly Change[] {
  switch (content.kind) {
    case 'single':
      return members[0]!.changes;
    case 'changes':
      return withoutUnchanged(content.changes, rows.get(keyOf(content.changes[0]!)));
    case 'annulled':
      return [];
    case 'variables':
      throw new Error('no named mutation of this model merges');
  }
}

/** A refused merge is split (CO6). */
const merged = (rows: Rows, queue: readonly Mergeable[], accepts: Accepts): Rows =>
  runsOf(queue).reduce(
    (at, run) => carryOut(at, sent(run, at), accepts) ?? oneByOne(at, run.members, accepts),
    rows,
  );

/** What a user does next; what that means depends on what is seen. */
interface Intent {
  readonly id: string;
  readonly act: 'toggle' | 'edit' | 'rename' | 'swap';
  readonly edits: readonly (readonly [field: string, value: unknown])[];
  readonly scope: boolean;
  /** How many of the queue are drained after it. */
  readonly drain: number;
}

const field = fc.constantFrom('t', 'n', 'd');
const value = (...more: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.constantFrom(undefined, null, 0, '', 'x', 'y', ...more);
const intent = (edits: fc.Arbitrary<Intent['edits']>): fc.Arbitrary<Intent> =>
  fc.record({
    id: fc.constantFrom('a', 'a', 'b', 'c'),
    act: fc.constantFrom('toggle', 'toggle', 'edit', 'edit', 'edit', 'edit', 'rename', 'swap'),
    edits,
    scope: fc.nat(9).map((n) => n === 0),
    drain: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 5, 20),
  });
const history = (edits: fc.Arbitrary<Intent['edits']>): fc.Arbitrary<Intent[]> =>
  fc.array(intent(edits), { maxLength: 40, size: 'max' });
const goodEdits = fc.array(fc.tuple(field, value()), { minLength: 1, maxLength: 3 });

/** The mutation an intent becomes on what is seen; undefined: it changes nothing, so nothing is queued (ST4). */
function mutationOf({ id, act, edits, scope }: Intent, view: Rows): Mergeable | undefined {
  const to = (at: string, after: Row | undefined): Change | undefined =>
    diff('todos', at, view.get(`todos/${at}`), after);
  const row = view.get(`todos/${id}`);
  const edited = Object.fromEntries(
    [...Object.entries(row ?? {}), ...edits].filter(([name, v], i, all) => {
      const isLast = all.findLastIndex(([other]) => other === name) === i;
      return isLast && v !== undefined;
    }),
  );
  const changes = {
    toggle: [to(id, row === undefined ? { t: 'new' } : undefined)],
    edit: [row && to(id, edited)],
    rename: [row && to(id, edited)],
    swap: [to(id, undefined), id !== 'a' ? to('a', { t: 'swapped' }) : undefined],
  }[act].filter((change) => change !== undefined);
  if (changes.length === 0) return undefined;
  const isOurs = act === 'toggle' || act === 'edit';
  return mutation(isOurs ? `@${changes[0]!.kind}` : act, changes, {
    lanes: [...touchedKeys(changes), ...(scope ? ['scope:s'] : [])],
  });
}

/** What the server has at first. */
const SERVED: Rows = new Map([
  ['todos/a', { t: 'milk', n: 0 }],
  ['todos/b', { t: 'oat', d: '' }],
]);

/** Lives through a history on a client that merges; returns what it did, and the server's rows in the end. */
function live(
  history: readonly Intent[],
  accepts: Accepts,
): { readonly calls: readonly Mergeable[]; readonly rows: Rows } {
  const calls: Mergeable[] = [];
  let rows = SERVED;
  let queue: Mergeable[] = [];
  for (const next of history) {
    const call = mutationOf(next, oneByOne(rows, queue, anything));
    if (call !== undefined) {
      calls.push(call);
      queue.push(call);
    }
    rows = merged(rows, queue.slice(0, next.drain), accepts);
    queue = queue.slice(next.drain);
  }
  return { calls, rows: merged(rows, queue, accepts) };
}

const plain = (rows: Rows): object => Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));

test('CO5 merged or not, whatever the history and whenever it is drained, the server ends the same', () => {
  let joined = 0;
  fc.assert(
    fc.property(history(goodEdits), (intents) => {
      const { calls, rows } = live(intents, anything);
      expect(plain(rows)).toEqual(plain(oneByOne(SERVED, calls, anything)));
      joined += calls.length - runsOf(calls).length;
    }),
    { numRuns: 500 },
  );
  expect(joined).toBeGreaterThan(500);
});

// What coalescing keeps when a server refuses something by itself (CO6):
// - a merge that it refuses is as never merged;
// - a merge that it accepts is what the user saw. It differs from one by one only where a member brought a refused value
//   and other edits in one, and a later member overwrote that value: then the others are not lost with it.

test('CO5 CO6 where some are refused, each for the only edit it makes, the server ends the same, too', () => {
  const edits = fc.oneof(
    goodEdits,
    field.map((name): Intent['edits'] => [[name, BAD]]),
  );
  let split = 0;
  fc.assert(
    fc.property(history(edits), (intents) => {
      const { calls, rows } = live(intents, noBadField);
      expect(plain(rows)).toEqual(plain(oneByOne(SERVED, calls, noBadField)));
      for (const { members, content } of runsOf(calls))
        if (content.kind === 'changes' && members.length > 1 && content.changes.some(isBad)) split++;
    }),
    { numRuns: 500 },
  );
  expect(split).toBeGreaterThan(50);
});

test('CO6 an accepted merge is what the user saw; a value that a later member overwrites is not judged', () => {
  let spared = 0;
  const edits = fc.array(fc.tuple(field, value(BAD, BAD)), { minLength: 2, maxLength: 3 });
  fc.assert(
    fc.property(history(edits), (intents) => {
      let rows = SERVED;
      for (const run of runsOf(live(intents, anything).calls)) {
        const { members } = run;
        const alone = oneByOne(rows, members, noBadField);
        const after = carryOut(rows, sent(run, rows), noBadField);
        if (after !== undefined) {
          expect(plain(after)).toEqual(plain(oneByOne(rows, members, anything)));
          if (!sameValue(plain(after), plain(alone))) {
            expect(members.some(({ changes }) => changes.some(isBad))).toBe(true);
            expect(sent(run, rows).some(isBad)).toBe(false);
            spared++;
          }
        }
        rows = after ?? alone;
      }
    }),
    { numRuns: 500 },
  );
  expect(spared).toBeGreaterThan(0);
});

/** It brings a value that the server refuses. */
function isBad(change: Change): boolean {
  switch (change.kind) {
    case 'insert':
      return Object.values(change.row).includes(BAD);
    case 'update':
      return Object.values(change.patch).includes(BAD);
    case 'delete':
      return false;
  }
}

describe('a row of a title', () => {
  const start: Rows = new Map([['todos/a', { t: 'milk' }]]);
  const edits = (values: readonly (readonly [field: string, value: unknown])[]): Mergeable[] =>
    values.map(([name, v]) => builtIn(update({ [name]: v })));
  const end = (queue: readonly Mergeable[], accepts: Accepts): Row | undefined =>
    merged(start, queue, accepts).get('todos/a');

  test('CO6 100 edits merged, one invalid: 99 stay', () => {
    const queue = edits(Array.from({ length: 100 }, (_, i) => [`f${i}`, i === 42 ? BAD : i]));
    expect(runsOf(queue)).toHaveLength(1);
    const row = end(queue, noBadField)!;
    expect(Object.keys(row)).toHaveLength(100); // 99 and the title
    expect(row).toMatchObject({ t: 'milk', f41: 41, f43: 43, f99: 99 });
    expect(row).not.toHaveProperty('f42');
  });

  test.each([
    [0, 't99'],
    [50, 't99'],
    [99, 't98'],
  ])('CO6 100 edits of one field, number %i invalid: the last that is valid stays', (bad, title) => {
    const queue = edits(Array.from({ length: 100 }, (_, i) => ['t', i === bad ? BAD : `t${i}`]));
    expect(end(queue, noBadField)).toEqual({ t: title });
  });

  test('CO6 an invalid insert that was mended before it was sent is as the user left it', () => {
    const queue = [builtIn(insert({ t: BAD }, 'b')), builtIn(update({ t: 'oat' }, 'b'))];
    expect(merged(start, queue, noBadField).get('todos/b')).toEqual({ t: 'oat' });
    expect(oneByOne(start, queue, noBadField).get('todos/b')).toBeUndefined();
  });

  test('CO6 what a server takes step by step only goes step by step', () => {
    const steps = ['milk', 'oat', 'soy'];
    const nextOnly: Accepts = (after, before) =>
      steps.indexOf(String(after?.['t'])) === steps.indexOf(String(before?.['t'])) + 1;
    const queue = edits([
      ['t', 'oat'],
      ['t', 'soy'],
    ]);
    expect(carryOut(start, sent(runsOf(queue)[0]!, start), nextOnly)).toBeUndefined();
    expect(end(queue, nextOnly)).toEqual({ t: 'soy' });
  });

  test('CO1 back to the title of the base: nothing is sent', () => {
    const [run] = runsOf(
      edits([
        ['t', 'oat'],
        ['t', 'milk'],
      ]),
    );
    expect(sent(run!, start)).toEqual([]);
  });

  test('CO5 a replace leaves nothing of the old row, whatever others wrote to it', () => {
    const theirs: Rows = new Map([['todos/a', { t: 'milk', d: true }]]);
    const queue = [builtIn(remove({ t: 'milk' })), builtIn(insert({ t: 'oat' }))];
    expect(merged(theirs, queue, anything).get('todos/a')).toEqual({ t: 'oat' });
    expect(merged(new Map(), queue, anything).get('todos/a')).toEqual({ t: 'oat' });
  });
});
