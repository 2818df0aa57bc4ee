import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyOf } from '../../src/domain/changes.js';
import { defineCollection } from '../../src/domain/collection.js';
import type { EntityKey, Row } from '../../src/domain/entity.js';
import { connected, fold, type Foldable } from '../../src/domain/fold.js';
import { createIds } from '../../src/domain/identity.js';
import { toJson } from '../../src/domain/serialize.js';
import { runTransaction, type ReadRow, type Transaction } from '../../src/domain/transaction.js';

interface Todo {
  id: string;
  title: string;
  done: boolean;
  n: number;
}
const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });
const collections = new Map([['todos', todos]]);
const base = new Map<EntityKey, Row>([['todos/a', { id: 'a', title: 'milk', done: false, n: 0 }]]);
const readBase: ReadRow = (of) => base.get(keyOf(of));

type Work = (tx: Transaction) => void;
type Kind = 'named' | 'built-in';

/** Lets the works happen one after another on the view, as calls do. */
function pend(works: readonly Work[], kind: Kind): (Foldable & { readonly no: number })[] {
  const pending: (Foldable & { readonly no: number })[] = [];
  works.forEach((work, no) => {
    const { views } = fold(pending, readBase);
    const read: ReadRow = (of) => (views.has(keyOf(of)) ? views.get(keyOf(of)) : readBase(of));
    const effect = runTransaction(read, collections, toJson, createIds(), work, undefined);
    const rerun = (on: ReadRow) => {
      try {
        return runTransaction(on, collections, toJson, createIds(), work, undefined);
      } catch {
        return { changes: [], touched: effect.touched };
      }
    };
    pending.push({ no, effect, rerun: kind === 'named' ? rerun : undefined });
  });
  return pending;
}

const viewOf = (pending: readonly Foldable[], id = 'a'): Row | undefined => {
  const { views } = fold(pending, readBase);
  return views.has(`todos/${id}`) ? views.get(`todos/${id}`) : readBase({ collection: 'todos', id });
};

const title =
  (text: string): Work =>
  (tx) =>
    tx.update(todos, 'a', { title: text });
const done: Work = (tx) => tx.update(todos, 'a', { done: true });
const plusOne: Work = (tx) =>
  tx.update(todos, 'a', (draft) => {
    draft.n++;
  });
const remove: Work = (tx) => tx.delete(todos, 'a');

describe.each<Kind>(['named', 'built-in'])('ST2 %s', (kind) => {
  test('A{title}, B{done}: A is refused, and B stays', () => {
    const [, b] = pend([title('oat'), done], kind);
    expect(viewOf([b!])).toEqual({ id: 'a', title: 'milk', done: true, n: 0 });
  });

  test('the same field twice: A is refused, and B shows; then B, and the base shows, never A', () => {
    const [, b] = pend([title('A'), title('B')], kind);
    expect(viewOf([b!])?.['title']).toBe('B');
    expect(viewOf([])?.['title']).toBe('milk');
  });

  test('ST8 a delete hides the row, and refusing it brings back what there is then', () => {
    const [, gone] = pend([done, remove], kind);
    const pending = pend([done, remove], kind);
    expect(viewOf(pending)).toBeUndefined();
    expect(viewOf(pending.filter((m) => m.no !== gone!.no))?.['done']).toBe(true);
  });
});

test('ST3 n + 1 twice, the first refused: 1, because a named mutation is re-run', () => {
  const [first, second] = pend([plusOne, plusOne], 'named');
  expect(viewOf([first!, second!])?.['n']).toBe(2);
  expect(viewOf([second!])?.['n']).toBe(1);
});

test('ST3 n + 1 twice, the first refused: 2, where the recipe was recorded as the fields it set', () => {
  const [first, second] = pend([plusOne, plusOne], 'built-in');
  expect(viewOf([first!, second!])?.['n']).toBe(2);
  expect(viewOf([second!])?.['n']).toBe(2);
});

const anyWork: fc.Arbitrary<Work> = fc.oneof(
  fc.constantFrom(title('x'), title('y'), done, plusOne),
  fc.constantFrom('a', 'b', 'c').map(
    (id): Work =>
      (tx) =>
        tx.get(todos, id) === undefined
          ? tx.insert(todos, { id, title: id, done: false, n: 0 })
          : tx.delete(todos, id),
  ),
  fc.constant<Work>((tx) => {
    const n = (tx.get(todos, 'b')?.n ?? 0) + (tx.get(todos, 'a')?.n ?? 0);
    if (tx.get(todos, 'c') !== undefined) tx.update(todos, 'c', { n: n + 1 });
  }),
);
const tolerant =
  (work: Work): Work =>
  (tx) => {
    if (tx.get(todos, 'a') !== undefined) work(tx);
  };

test('ST2 removing one named mutation is as never having called it', () =>
  fc.assert(
    fc.property(fc.array(anyWork.map(tolerant), { minLength: 1, maxLength: 8 }), fc.nat(), (works, nat) => {
      const removed = nat % works.length;
      const without = pend(works, 'named').filter((m) => m.no !== removed);
      const never = pend(
        works.filter((_, i) => i !== removed),
        'named',
      );
      for (const id of ['a', 'b', 'c']) expect(viewOf(without, id)).toEqual(viewOf(never, id));
    }),
  ));

test('ST7 only what is connected to an entity is folded anew', () => {
  const touched = new Map([
    ['m1', ['todos/a']],
    ['m2', ['todos/a', 'todos/b']],
    ['m3', ['todos/b', 'todos/c']],
    ['m4', ['todos/d']],
  ]);
  const on = (key: string): string[] => [...touched].filter(([, keys]) => keys.includes(key)).map(([m]) => m);
  const part = connected(['todos/a'], on, (m) => touched.get(m) ?? []);
  expect([...part.mutations].sort()).toEqual(['m1', 'm2', 'm3']);
  expect([...part.keys].sort()).toEqual(['todos/a', 'todos/b', 'todos/c']);
});
