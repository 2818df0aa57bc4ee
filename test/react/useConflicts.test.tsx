import { act } from '@testing-library/react';
import { expect, test } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import { useConflicts } from '../../src/react/useConflicts.js';
import { createTestClient } from './testClient.js';
import { todo, type Todo } from './todos.js';

const todos = defineCollection<Todo>({ name: 'todos', key: 'id', conflict: 'ask' });

test('CF4 useConflicts lists what waits for the user, by row, until it is resolved', async () => {
  const options = { collections: [todos] };
  const { renderHook, sync, server, advance } = await createTestClient([todo('1'), todo('2')], options);
  const { result } = renderHook(() => useConflicts({ collection: 'todos', id: '1' }));
  const other = renderHook(() => useConflicts({ id: '2' }));
  expect(result.current).toEqual([]);
  act(() => sync.pause());
  act(() => void sync.update(todos, '1', { title: 'mine' }));
  server.put('todos', '1', { ...todo('1'), title: 'theirs' });
  act(() => sync.resume());
  await advance(0);
  expect(result.current).toMatchObject([{ id: 'token-1', rows: [{ diff: [{ field: 'title' }] }] }]);
  expect(other.result.current).toEqual([]);
  const before = result.current;
  act(() => void sync.update(todos, '2', { title: 'elsewhere' }));
  await advance(0);
  expect(result.current).toBe(before);

  await act(async () => void sync.resolve('token-1', 'mine'));
  await advance(0);
  expect([result.current, server.get('todos', '1')]).toEqual([[], { ...todo('1'), title: 'mine' }]);
});
