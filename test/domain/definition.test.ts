import { describe, expect, test } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import {
  defineMutation,
  insert,
  remove,
  update,
  type DefinitionOptions,
} from '../../src/domain/definition.js';
import { SyncError } from '../../src/domain/errors.js';

const said = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof SyncError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
};
const valid: DefinitionOptions<unknown, unknown> = { name: 'rename', optimistic: () => undefined };
const define = (options: object): string => said(() => defineMutation({ ...valid, ...options }));

describe('defineMutation', () => {
  test('says what it takes for granted', () => {
    expect(defineMutation({ name: 'rename', optimistic: () => undefined })).toMatchObject({
      command: false,
      priority: 'normal',
      version: 1,
    });
  });

  test('a fixed scope is a function of any variables', () => {
    expect(
      defineMutation({ name: 'r', optimistic: () => undefined, scope: 'billing' }).scope?.(undefined),
    ).toBe('billing');
  });

  test('CO4 a definition says how it merges; without a word it does not, nor does a built-in mutation', () => {
    const newest = (_older: string, newer: string): string => newer;
    const rename = { name: 'rename', optimistic: () => undefined };
    expect(defineMutation<string>({ ...rename, coalesce: newest }).coalesce).toBe(newest);
    expect(defineMutation(rename).coalesce).toBeUndefined();
    for (const builtIn of [insert, update, remove])
      expect(
        builtIn(defineCollection<{ id: string }>({ name: 'todos', key: 'id' })).coalesce,
      ).toBeUndefined();
    expect(define({ coalesce: 'newest' })).toContain(
      'coalesce must be a function, received the string "newest"',
    );
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['no name', { name: undefined }, 'received undefined'],
    ['an empty name', { name: '' }, 'received the string ""'],
    ['a name of ours', { name: '@insert' }, 'received the string "@insert"'],
    ['a long name', { name: 'x'.repeat(129) }, '(129 characters)'],
    [
      'no optimistic',
      { optimistic: undefined },
      'optimistic must be a function of (tx, variables), received undefined',
    ],
    ['a mutationFn that is none', { mutationFn: '/api' }, 'received the string "/api"'],
    [
      'a priority that is none',
      { priority: 'urgent' },
      'critical, high, normal, low, background, received the string "urgent"',
    ],
    ['a version that is none', { version: 0 }, 'version must be a positive integer, received 0'],
    ['a fraction of a version', { version: 1.5 }, 'received 1.5'],
    [
      'a command with a mutationFn',
      { command: true, mutationFn: () => undefined },
      'leave it out with a mutationFn',
    ],
  ])('refuses %s, and says what was received', (_name, options, message) => {
    expect(define(options)).toMatch(/^INVALID_OPTIONS: /);
    expect(define(options)).toContain(message);
  });
});

describe('defineCollection', () => {
  test.each<[string, object, string]>([
    ['no name', { key: 'id' }, 'received undefined'],
    ['a name with a slash', { name: 'a/b', key: 'id' }, 'received the string "a/b"'],
    [
      'what is no list of fields',
      { name: 'todos', key: 'id', redact: 'title' },
      'redact must be a list of field names, received the string "title"',
    ],
    ['no key', { name: 'todos' }, 'key must be a field name or a function of a row, received undefined'],
  ])('refuses %s, and says what was received', (_name, options, message) => {
    expect(said(() => defineCollection(options as never))).toContain(message);
  });

  const todos = defineCollection<{ id: string; title?: string }>({ name: 'todos', key: 'id' });
  const pairs = defineCollection<{ x: number; y: number }>({ name: 'pairs', key: ({ x, y }) => `${x}:${y}` });

  test('the id is a field, or a function of the row', () => {
    expect(todos.idOf({ id: 'a' })).toBe('a');
    expect(pairs.idOf({ x: 1, y: 2 })).toBe('1:2');
  });

  test.each<[string, unknown, string]>([
    ['no row', undefined, 'INVALID_ROW: todos: a row is a plain object, received undefined.'],
    ['a list', [], 'INVALID_ROW: todos: a row is a plain object, received an array of 0.'],
    [
      'a row without its key',
      { title: 'x' },
      'INVALID_ROW: todos: the row has no "id"; received fields title.',
    ],
    ['an empty row', {}, 'INVALID_ROW: todos: the row has no "id"; received fields (none).'],
    [
      'a numeric id',
      { id: 7 },
      'INVALID_ID: todos: an id is a string, received 7. Convert it, e.g. String(id).',
    ],
  ])('a row with %s has no id', (_name, row, message) =>
    expect(said(() => todos.idOf(row as never))).toBe(message),
  );
});
