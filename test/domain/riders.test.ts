import { describe, expect, test } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import type { EntityKey, Row } from '../../src/domain/entity.js';
import { fold } from '../../src/domain/fold.js';
import { independentRiders, type Rider } from '../../src/domain/riders.js';
import { toJson } from '../../src/domain/serialize.js';
import { runTransaction, type ReadRow, type Transaction } from '../../src/domain/transaction.js';

interface Counter {
  id: string;
  n: number;
  title?: string;
}
const counters = defineCollection<Counter>({ name: 'counters', key: 'id' });
const collections = new Map([[counters.name, counters]]);
const rows = new Map<EntityKey, Row>([
  ['counters/a', { id: 'a', n: 0 }],
  ['counters/b', { id: 'b', n: 5 }],
]);
const base: ReadRow = (key) => rows.get(key);

type Work = (tx: Transaction) => void;
const increment =
  (id: string): Work =>
  (tx) =>
    tx.update(counters, id, (draft) => {
      draft.n += 1;
    });
const rename =
  (id: string, title: string): Work =>
  (tx) =>
    tx.update(counters, id, { title });

/** Named mutations called one after the other, each on the view that those before it made. */
function called(...works: readonly Work[]): (Rider & { readonly name: string })[] {
  const riders: (Rider & { readonly name: string })[] = [];
  works.forEach((work, i) => {
    const { views } = fold(riders, base);
    const rerun = (read: ReadRow) => {
      try {
        return runTransaction(read, collections, toJson, work);
      } catch {
        return { changes: [], touched: [] };
      }
    };
    const effect = rerun((key) => (views.has(key) ? views.get(key) : base(key)));
    riders.push({ name: `m${i + 1}`, effect, rerun, lanes: effect.touched, fixed: false });
  });
  return riders;
}
const riding = (riders: readonly (Rider & { readonly name: string })[]): string[] =>
  independentRiders(riders, base).map((rider) => rider.name);

describe('ST3 what may travel in one batch', () => {
  test('ST3 of two n + 1 on one row only the first goes: the second waits for its answer', () =>
    expect(riding(called(increment('a'), increment('a'), increment('b')))).toEqual(['m1', 'm3']));

  test('ST3 changes that say the same without each other go together', () =>
    expect(riding(called(rename('a', 'x'), rename('a', 'y'), rename('b', 'z')))).toEqual(['m1', 'm2', 'm3']));

  test('ST3 what follows one that waits in its lane waits too', () =>
    expect(riding(called(increment('a'), increment('a'), rename('a', 'x')))).toEqual(['m1']));

  test('ST3 an edit of a row rides behind its insert, because it is refused with it', () =>
    expect(riding(called((tx) => tx.insert(counters, { id: 'c', n: 0 }), rename('c', 'x')))).toEqual([
      'm1',
      'm2',
    ]));

  test('ST3 what reads another row depends on it, also across lanes that it writes', () => {
    const sum: Work = (tx) => tx.update(counters, 'b', { n: (tx.get(counters, 'a')?.n ?? 0) + 10 });
    expect(riding(called(increment('a'), sum))).toEqual(['m1']);
    expect(riding(called(rename('a', 'x'), sum))).toEqual(['m1', 'm2']);
  });

  test('OB5 what is frozen already rides as it is', () =>
    expect(
      riding(called(increment('a'), increment('a')).map((rider) => ({ ...rider, fixed: true }))),
    ).toEqual(['m1', 'm2']));
});
