import { describe, expect, test } from 'vitest';
import { keyOf } from '../../src/domain/changes.js';
import { defineCollection } from '../../src/domain/collection.js';
import type { EntityKey, Row } from '../../src/domain/entity.js';
import { fold } from '../../src/domain/fold.js';
import { independentRiders, type Rider } from '../../src/domain/riders.js';
import { createIds } from '../../src/domain/identity.js';
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
const base: ReadRow = (of) => rows.get(keyOf(of));

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
        return runTransaction(read, collections, toJson, createIds(), work, undefined);
      } catch {
        return { changes: [], touched: [] };
      }
    };
    const effect = rerun((of) => (views.has(keyOf(of)) ? views.get(keyOf(of)) : base(of)));
    riders.push({
      name: `m${i + 1}`,
      effect,
      rerun,
      lanes: effect.touched,
      sealed: false,
      command: false,
      holds: false,
    });
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
    // It says the same without the title; but that may go again, and what reads the row would have gone before it (SC1).
    expect(riding(called(rename('a', 'x'), sum))).toEqual(['m1']);
    const insertC: Work = (tx) => tx.insert(counters, { id: 'c', n: 0 });
    expect(riding(called(insertC, sum))).toEqual(['m1', 'm2']);
  });

  describe('SC1 nothing goes behind what may stay where it is', () => {
    const remove: Work = (tx) => tx.delete(counters, 'a');
    const insert: Work = (tx) => tx.insert(counters, { id: 'c', n: 0 });
    const both =
      (title: string): Work =>
      (tx) => {
        tx.update(counters, 'a', { title });
        tx.update(counters, 'b', { title });
      };
    /** The last one of them as a command. */
    const commanded = (...works: readonly Work[]): ReturnType<typeof called> =>
      called(...works).map((rider, i, { length }) =>
        i === length - 1 ? { ...rider, command: true } : rider,
      );

    test('SC1 a command waits for the edit of its row, which may meet another write and go again', () => {
      expect(riding(commanded(rename('a', 'x'), increment('a')))).toEqual(['m1']);
      expect(riding(commanded(remove, rename('b', 'x')))).toEqual(['m1', 'm2']);
    });

    test('SC1 an insert or a delete rides behind no edit and no delete of that row, which may have been refused before the row was gone', () => {
      const again: Work = (tx) => tx.insert(counters, { id: 'a', n: 9 });
      const builtIn = (...works: readonly Work[]): ReturnType<typeof called> =>
        called(...works).map((rider) => ({ ...rider, rerun: undefined }));
      const [deletion, insertion] = builtIn(remove, again);
      const [edit] = builtIn(rename('a', 'x'));
      expect(riding([deletion!, insertion!])).toEqual(['m1']);
      expect(riding([edit!, insertion!])).toEqual(['m1']);
      expect(riding(builtIn(rename('a', 'x'), remove))).toEqual(['m1']);
    });

    test('SC1 a command rides behind the insert of its row, with which it is refused', () =>
      expect(riding(commanded(insert, increment('c')))).toEqual(['m1', 'm2']));

    test('SC1 but not behind an edit of that row', () =>
      expect(riding(commanded(insert, rename('c', 'x'), increment('c')))).toEqual(['m1', 'm2']));

    test('SC1 an edit rides behind a command, which meets nobody', () =>
      expect(
        riding(
          called(increment('a'), rename('a', 'x')).map((rider, i) =>
            i === 0 ? { ...rider, command: true } : rider,
          ),
        ),
      ).toEqual(['m1', 'm2']));

    test('SC1 an edit of one row does not ride behind an edit of two, which may meet another write on the other', () => {
      expect(riding(called(both('x'), rename('a', 'y')))).toEqual(['m1']);
      expect(riding(called(both('x'), both('z')))).toEqual(['m1', 'm2']);
      expect(riding(called(rename('a', 'y'), both('x')))).toEqual(['m1', 'm2']);
    });

    test('SC1 what was sealed does not ride behind an edit that came before it since: they are based on different versions', () => {
      const [first, second, third] = called(rename('a', 'x'), rename('a', 'y'), rename('b', 'z'));
      const sealed = { ...second!, sealed: true };
      expect(riding([first!, sealed, third!])).toEqual(['m1', 'm3']);
      expect(riding([{ ...first!, sealed: true }, sealed, third!])).toEqual(['m1', 'm2', 'm3']);
      expect(riding([{ ...first!, sealed: true }, second!, third!])).toEqual(['m1', 'm2', 'm3']);
    });

    test('RT7 nothing of its lane rides behind what is shown on when it is refused', () => {
      const [first, second, third] = called(rename('a', 'x'), rename('a', 'y'), rename('b', 'z'));
      const riders = [{ ...first!, holds: true }, second!, third!];
      expect(riding(riders)).toEqual(['m1', 'm3']);
    });
  });

  test('OB5 what is frozen already rides as it is', () =>
    expect(
      riding(called(increment('a'), increment('a')).map((rider) => ({ ...rider, sealed: true }))),
    ).toEqual(['m1', 'm2']));
});
