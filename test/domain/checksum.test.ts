import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differing as look, rowChecksum, type Sum } from '../../src/domain/checksum.js';
import { entityKey, type BaseRow } from '../../src/domain/entity.js';

/** FNV-1a and MurmurHash3's finalizer as their authors give them, on whole numbers without end. */
function reference(text: string): number {
  const cut = (n: bigint): bigint => n & 0xffffffffn;
  let hash = 0x811c9dc5n;
  for (let i = 0; i < text.length; i++) hash = cut((hash ^ BigInt(text.charCodeAt(i))) * 0x01000193n);
  hash = cut((hash ^ (hash >> 16n)) * 0x85ebca6bn);
  hash = cut((hash ^ (hash >> 13n)) * 0xc2b2ae35n);
  return Number(hash ^ (hash >> 16n));
}

const entries = fc.uniqueArray(
  fc.record({
    collection: fc.constantFrom('todos', 'lists'),
    id: fc.string({ minLength: 1 }),
    version: fc.nat(),
  }),
  { selector: ({ collection, id }) => entityKey(collection, id), maxLength: 12 },
);
type Entry = { readonly collection: string; readonly id: string; readonly version: number };
const names = ['todos', 'lists'];
const UNVERSIONED: BaseRow = { row: {}, version: undefined };
function bases(rows: readonly Entry[]): Map<string, Map<string, BaseRow>> {
  const made = new Map<string, Map<string, BaseRow>>();
  for (const { collection, id, version } of rows)
    made.set(
      collection,
      (made.get(collection) ?? new Map<string, BaseRow>()).set(id, { row: { id }, version }),
    );
  return made;
}
function summed(rows: readonly Entry[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const { collection, id, version } of rows) {
    const { rows: count, checksum } = sums.get(collection) ?? { rows: 0, checksum: 0 };
    const added = reference(`${collection}/${id}@${version}`);
    sums.set(collection, { rows: count + 1, checksum: (checksum + added) % 2 ** 32 });
  }
  return sums;
}

/** What it comes to, and how often others had their turn. */
function looked(...args: Parameters<typeof look>): {
  readonly found: readonly string[];
  readonly turns: number;
} {
  const looking = look(...args);
  for (let turns = 0; ; turns++) {
    const step = looking.next();
    if (step.done === true) return { found: step.value, turns };
  }
}
const differing = (...args: Parameters<typeof look>): readonly string[] => looked(...args).found;

describe('PL4 the checksum of rows', () => {
  test('is the one that the protocol names, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (id, version) => {
        expect(rowChecksum('c', id, version)).toBe(reference(`c/${id}@${version}`));
      }),
    );
    expect(rowChecksum('todos', 'a', 1)).toBe(reference('todos/a@1'));
    expect(rowChecksum('todos', 'a', 'W/"7"')).toBe(reference('todos/a@W/"7"'));
  });

  test('is equal for the same rows in any order, whatever else is here', () => {
    fc.assert(
      fc.property(entries, (rows) => {
        const here = bases([...rows].reverse());
        const todos = here.get('todos') ?? new Map<string, BaseRow>();
        todos.set(' gone', { row: undefined, version: 3 }).set(' of another backend', UNVERSIONED);
        here.set('todos', todos).set('notes', new Map([['unknown', { row: {}, version: 1 }]]));
        expect(differing(names, summed(rows), here)).toEqual([]);
      }),
    );
  });

  test('tells which collection has lost a row, has one too many, an older one, or one instead of another', () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.constantFrom('less', 'more', 'older', 'other'), (rows, at, fault) => {
        const one = rows[at % Math.max(1, rows.length)];
        if (one === undefined) return;
        const rest = rows.filter((row) => row !== one);
        const wrong = {
          less: rest,
          more: [...rows, { ...one, id: `${one.id}+` }],
          older: [...rest, { ...one, version: one.version + 1 }],
          other: [...rest, { ...one, id: `${one.id}+` }],
        }[fault];
        fc.pre(new Set(wrong.map(({ collection, id }) => entityKey(collection, id))).size === wrong.length);
        expect(differing(names, summed(rows), bases(wrong))).toEqual([one.collection]);
      }),
    );
  });

  test('of 100,000 rows is a task of some milliseconds, ten times', () => {
    const rows = new Map(Array.from({ length: 100_000 }, (_, i) => [`r${i}`, { row: {}, version: 1 }]));
    const here = new Map([['todos', rows]]);
    expect(looked(['todos'], new Map(), here)).toEqual({ found: ['todos'], turns: 10 });
  });
});
