import { describe, expect, test } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import { mergeFields, strategyName, type AnyConflictStrategy } from '../../src/domain/conflictStrategy.js';
import { defineMutation } from '../../src/domain/definition.js';
import { listById } from '../../src/domain/listById.js';

interface Todo {
  readonly id: string;
  readonly title: string;
  readonly n: number;
  readonly items: readonly { readonly id: string }[];
}
const collection = (conflict: unknown): { readonly conflict: unknown } =>
  defineCollection<Todo>({ name: 'todos', key: 'id', conflict: conflict as AnyConflictStrategy });
const mutation = (conflict: unknown): { readonly conflict: unknown } =>
  defineMutation({ name: 'rename', optimistic: () => undefined, conflict: conflict as AnyConflictStrategy });

describe('CF2 a strategy is declared', () => {
  test('the types of the row reach the resolvers', () => {
    const todos = defineCollection<Todo>({
      name: 'todos',
      key: 'id',
      conflict: mergeFields({
        otherwise: 'ask',
        fields: {
          title: 'clientWins',
          n: (base, mine, theirs) => (mine ?? 0) + (theirs ?? 0) - (base ?? 0),
          items: listById(),
        },
      }),
    });
    expect(todos.conflict).toMatchObject({ strategy: 'mergeFields', otherwise: 'ask' });
    const custom = defineCollection<Todo>({
      name: 'todos',
      key: 'id',
      conflict: async (_base, mine, theirs) => {
        await Promise.resolve();
        return mine !== undefined && theirs !== undefined && mine.n > theirs.n ? mine : 'server';
      },
    });
    expect(strategyName(custom.conflict)).toBe('resolver');
  });

  test('a collection has lastWriteWins, a definition what its collections have', () => {
    expect(defineCollection<Todo>({ name: 'todos', key: 'id' }).conflict).toBe('lastWriteWins');
    expect(defineMutation({ name: 'rename', optimistic: () => undefined }).conflict).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    ['lastWriteWins', 'lastWriteWins', 'lastWriteWins'],
    ['serverWins', 'serverWins', 'serverWins'],
    ['clientWins', 'clientWins', 'clientWins'],
    ['ask', 'ask', 'ask'],
    ['mergeFields', 'mergeFields', 'mergeFields'],
    ['mergeFields()', mergeFields(), 'mergeFields'],
    ['an object', { strategy: 'mergeFields', fields: { title: 'ask', n: undefined } }, 'mergeFields'],
    ['a function', () => 'ask', 'resolver'],
  ])('%s', (_name, strategy, named) => {
    expect(collection(strategy).conflict).toBe(strategy);
    expect(mutation(strategy).conflict).toBe(strategy);
    expect(strategyName(strategy as AnyConflictStrategy)).toBe(named);
  });

  test.each<[string, unknown, RegExp]>([
    ['an unknown name', 'firstWriteWins', /conflict must be .*"firstWriteWins"/],
    ['null', null, /received null/],
    ['a boolean', true, /received true/],
    ['an object of another kind', { fields: {} }, /received an object/],
    ['an unknown otherwise', { strategy: 'mergeFields', otherwise: 'mine' }, /conflict\.otherwise .*"mine"/],
    ['otherwise as a function', mergeFields({ otherwise: (() => 1) as never }), /otherwise .*a function/],
    ['fields that are none', { strategy: 'mergeFields', fields: [] }, /conflict\.fields must/],
    [
      'an unknown strategy of a field',
      mergeFields<Todo>({ fields: { title: 'theirs' as never } }),
      /fields\.title .*"theirs"/,
    ],
    [
      'a list without a member',
      mergeFields<Todo>({ fields: { items: listById('') } }),
      /fields\.items .*an object/,
    ],
  ])('%s is refused', (_name, strategy, message) => {
    for (const define of [collection, mutation])
      expect(() => define(strategy)).toThrow(
        expect.objectContaining({
          code: 'INVALID_OPTIONS',
          message: expect.stringMatching(message) as string,
        }),
      );
  });
});
