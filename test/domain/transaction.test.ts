import fc from 'fast-check';
import { produce } from 'immer';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { applyChange, keyOf } from '../../src/domain/changes.js';
import { defineCollection } from '../../src/domain/collection.js';
import type { EntityKey, Row } from '../../src/domain/entity.js';
import { SyncError } from '../../src/domain/errors.js';
import { createIds } from '../../src/domain/identity.js';
import { toJson } from '../../src/domain/serialize.js';
import { runTransaction, type Effect, type Transaction } from '../../src/domain/transaction.js';
import { HOSTILE } from './arbitraries.js';

interface Todo {
  id: string;
  title: string;
  done?: boolean;
  tags?: string[];
}
const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });
const lists = defineCollection<{ id: string; items: string[] }>({ name: 'lists', key: 'id' });
const strict = defineCollection<{ id: string; n: number }>({
  name: 'strict',
  key: 'id',
  schema: z.object({ id: z.string(), n: z.number().default(1) }),
});
const elsewhere = defineCollection<Todo>({ name: 'elsewhere', key: 'id' });
const collections = new Map([todos, lists, strict].map((one) => [one.name, one] as const));
const rows = new Map<EntityKey, Row>([
  ['todos/a', { id: 'a', title: 'milk', tags: ['x'] }],
  ['lists/l', { id: 'l', items: ['a'] }],
]);
const run = (work: (tx: Transaction) => unknown): Effect =>
  runTransaction((of) => rows.get(keyOf(of)), collections, toJson, createIds(), work, undefined);
const code = (work: (tx: Transaction) => unknown): string => {
  try {
    run(work);
  } catch (error) {
    return error instanceof SyncError ? `${error.code}: ${error.message}` : String(error);
  }
  return 'accepted';
};

describe('the net effect', () => {
  test('ST3 a recipe is recorded as the fields it set', () => {
    expect(run((tx) => tx.update(todos, 'a', (draft) => void (draft.title = 'oat'))).changes).toEqual([
      {
        kind: 'update',
        collection: 'todos',
        id: 'a',
        patch: { title: 'oat' },
        unset: [],
        previous: { title: 'milk' },
      },
    ]);
  });

  test('an assignment as the whole recipe means what it says: its value is ignored', () => {
    expect(run((tx) => tx.update(todos, 'a', (draft) => (draft.title = 'oat'))).changes).toMatchObject([
      { patch: { title: 'oat' } },
    ]);
  });

  test('fields are merged; an undefined one is removed', () => {
    expect(
      run((tx) => tx.update(todos, 'a', { done: true, tags: undefined } as object)).changes,
    ).toMatchObject([{ patch: { done: true }, unset: ['tags'] }]);
  });

  test('ST3 whatever one mutation did to a row, step after step, its change leads from the row before to the row after', () => {
    const fields = fc.record(
      {
        title: fc.constantFrom('milk', 'oat'),
        done: fc.boolean(),
        tags: fc.constantFrom<string[]>(['x'], ['y']),
      },
      { requiredKeys: [] },
    );
    const step = fc.record({ how: fc.constantFrom('fields', 'unset', 'recipe', 'replace'), fields });
    const perform = (tx: Transaction, { how, fields }: { how: string; fields: Partial<Todo> }): void => {
      if (how === 'fields') tx.update(todos, 'a', fields);
      if (how === 'unset') tx.update(todos, 'a', { ...fields, tags: undefined } as object);
      if (how === 'recipe') tx.update(todos, 'a', (draft) => void Object.assign(draft, fields));
      if (how !== 'replace') return;
      tx.delete(todos, 'a');
      tx.insert(todos, { id: 'a', title: 'new', ...fields });
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4 }), (steps) => {
        let after: unknown;
        const { changes } = run((tx) => {
          for (const one of steps) perform(tx, one);
          after = tx.get(todos, 'a');
        });
        expect(changes.reduce(applyChange, rows.get('todos/a'))).toEqual(after);
      }),
    );
  });

  test('ST5 several entities, in the order they were touched, those only read included', () => {
    const effect = run((tx) => {
      tx.insert(todos, { id: 'b', title: 'new' });
      tx.update(lists, 'l', (draft) => void draft.items.push('b'));
      tx.get(todos, 'a');
    });
    expect(effect.changes.map(({ kind, id }) => `${kind} ${id}`)).toEqual(['insert b', 'update l']);
    expect(effect.touched).toEqual(['todos/b', 'lists/l', 'todos/a']);
  });

  test('reads see its own writes', () =>
    run((tx) => {
      tx.insert(todos, { id: 'b', title: 'new' });
      tx.update(todos, 'b', { title: 'newer' });
      expect(tx.get(todos, 'b')).toEqual({ id: 'b', title: 'newer' });
      tx.delete(todos, 'b');
      expect(tx.get(todos, 'b')).toBeUndefined();
    }));

  const steps = {
    insert: (tx: Transaction, title: string) => tx.insert(todos, { id: 'b', title }),
    update: (tx: Transaction, id: string, title: string) => tx.update(todos, id, { title }),
    remove: (tx: Transaction, id: string) => tx.delete(todos, id),
  };
  test.each<[string, ((tx: Transaction) => void)[], string[]]>([
    [
      'insert and update is an insert',
      [(tx) => steps.insert(tx, '1'), (tx) => steps.update(tx, 'b', '2')],
      ['insert'],
    ],
    ['insert and delete is nothing', [(tx) => steps.insert(tx, '1'), (tx) => steps.remove(tx, 'b')], []],
    [
      'delete and insert is an update',
      [(tx) => steps.remove(tx, 'a'), (tx) => tx.insert(todos, { id: 'a', title: '2' })],
      ['update'],
    ],
    [
      'there and back is nothing',
      [(tx) => steps.update(tx, 'a', '2'), (tx) => steps.update(tx, 'a', 'milk')],
      [],
    ],
    ['a recipe that changes nothing is nothing', [(tx) => tx.update(todos, 'a', () => undefined)], []],
  ])('ST4 %s', (_name, works, kinds) => {
    const { changes } = run((tx) => {
      for (const work of works) work(tx);
    });
    expect(changes.map(({ kind }) => kind)).toEqual(kinds);
  });

  test('OB6 what is inserted is a private copy: later edits of the caller change nothing', () => {
    const row = { id: 'b', title: 'new', tags: ['x'] };
    const { changes } = run((tx) => tx.insert(todos, row));
    row.tags.push('y');
    expect(changes).toMatchObject([{ row: { tags: ['x'] } }]);
  });

  test('OB6 what is inserted may be part of a draft of the caller', () => {
    const state = { todos: [{ id: 'b', title: 'new', tags: ['x'] }] };
    let effect: Effect | undefined;
    produce(state, (draft) => {
      effect = run((tx) => tx.insert(todos, draft.todos[0]!));
    });
    expect(effect?.changes).toEqual([{ kind: 'insert', collection: 'todos', id: 'b', row: state.todos[0] }]);
  });

  test('MU8 an inserted row is what its schema makes of it', () => {
    expect(run((tx) => tx.insert(strict, { id: 's' } as never)).changes).toMatchObject([
      { row: { id: 's', n: 1 } },
    ]);
  });

  test('LF3 hostile ids and fields are inserted, updated and removed like any other', () => {
    for (const name of HOSTILE.filter((one) => one !== '')) {
      const field = JSON.parse(`{${JSON.stringify(name)}:1}`) as object;
      expect(run((tx) => tx.insert(todos, { ...field, id: name, title: 't' })).changes).toMatchObject([
        { id: name },
      ]);
      const { changes } = run((tx) => tx.update(todos, 'a', field));
      expect(changes.map((change) => (change.kind === 'update' ? Object.keys(change.patch) : []))).toEqual([
        [name],
      ]);
    }
    expect('title' in {}).toBe(false);
  });
});

describe('ST4 refusals leave no trace', () => {
  test.each<[string, (tx: Transaction) => unknown, string]>([
    [
      'an unknown collection',
      (tx) => tx.get(elsewhere, 'a'),
      'UNKNOWN_COLLECTION: "elsewhere" is not a collection of this client; it knows todos, lists, strict.',
    ],
    [
      'an id of the wrong type',
      (tx) => tx.get(todos, 7 as never),
      'INVALID_ID: todos: an id is a string, received 7. Convert it, e.g. String(id).',
    ],
    [
      'inserting what is there',
      (tx) => tx.insert(todos, { id: 'a', title: '' }),
      'ENTITY_EXISTS: todos already has a row "a".',
    ],
    ['updating what is not', (tx) => tx.update(todos, 'zz', {}), 'ENTITY_NOT_FOUND: todos has no row "zz".'],
    ['deleting what is not', (tx) => tx.delete(todos, 'zz'), 'ENTITY_NOT_FOUND: todos has no row "zz".'],
    [
      'a row without its key',
      (tx) => tx.insert(todos, { title: 'x' } as never),
      'INVALID_ROW: todos: the row has no "id"; received fields title.',
    ],
    [
      'changing the key',
      (tx) => tx.update(todos, 'a', { id: 'b' }),
      `INVALID_ROW: todos "a": an update must not change the row's key; delete it and insert another.`,
    ],
    [
      'a value that JSON has not',
      (tx) => tx.update(todos, 'a', { title: NaN as never }),
      'NOT_SERIALIZABLE: todos "a": title is NaN; JSON turns it into null.',
    ],
    [
      'an edit that is none',
      (tx) => tx.update(todos, 'a', 7 as never),
      'INVALID_RECIPE: update takes a function of a draft or an object of fields, received 7.',
    ],
    [
      'a recipe that throws',
      (tx) =>
        tx.update(todos, 'a', () => {
          throw new Error('mine');
        }),
      'Error: mine',
    ],
    [
      'an optimistic that throws text',
      () => {
        throw 'mine' as unknown;
      },
      'mine',
    ],
  ])('%s', (_name, work, message) => expect(code(work)).toBe(message));

  test('a row that its schema refuses', () =>
    expect(code((tx) => tx.insert(strict, { id: 's', n: 'x' as unknown as number }))).toMatch(
      /^VALIDATION: strict "s": n: /,
    ));

  test('a recipe or an optimistic that returns a promise, and no rejection is left behind', () => {
    const later = (): unknown => Promise.reject(new Error('later'));
    expect(code((tx) => tx.update(todos, 'a', later))).toMatch(
      /^INVALID_RECIPE: a recipe returned a promise/,
    );
    expect(code(later)).toMatch(/^INVALID_RECIPE: optimistic returned a promise/);
  });

  test('ST4 a transaction that is over changes nothing any more, and one within another only its own', () => {
    let kept: Transaction | undefined;
    const { changes } = run((outer) => {
      kept = outer;
      run((inner) => inner.delete(lists, 'l'));
      expect(code((inner) => inner.delete(todos, 'b'))).toMatch(/^ENTITY_NOT_FOUND/);
      outer.update(todos, 'a', { title: 'bread' });
    });
    expect(changes).toMatchObject([{ kind: 'update', id: 'a', patch: { title: 'bread' } }]);
    expect(() => kept?.delete(todos, 'a')).toThrow('This transaction is over');
  });

  test('the rows it read are as they were', () => {
    code((tx) => {
      tx.update(todos, 'a', (draft) => void draft.tags?.push('y'));
      throw new Error('after a write');
    });
    expect(rows.get('todos/a')).toEqual({ id: 'a', title: 'milk', tags: ['x'] });
  });
});
