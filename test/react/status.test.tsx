import { act } from '@testing-library/react';
import type { ReactNode } from 'react';
import { expect, test } from 'vitest';
import { useEntityStatus } from '../../src/react/useEntityStatus.js';
import { usePendingMutations } from '../../src/react/usePendingMutations.js';
import { useSyncStatus } from '../../src/react/useSyncStatus.js';
import { countRenders } from './renders.js';
import { createTestClient } from './testClient.js';
import { createApi, renameTodo, todo, todos } from './todos.js';

test('OS1 useSyncStatus follows a mutation from pending to synced, offline and back', async () => {
  const { renderHook, sync, setOnline, advance } = await createTestClient([todo('1')]);
  const { result } = renderHook(() => useSyncStatus());
  expect(result.current).toMatchObject({ phase: 'synced', online: true, leader: true, pending: 0 });
  await setOnline(false);
  expect(result.current.phase).toBe('offline');
  act(() => void sync.update(todos, '1', { done: true }));
  await advance(0);
  expect(result.current).toMatchObject({ phase: 'offline', online: false, pending: 1 });
  await setOnline(true);
  expect(result.current).toMatchObject({ phase: 'synced', pending: 0, failed: 0 });
  expect(result.current.lastSyncedAt).toBeTypeOf('number');
});

test('OS1 a selection of the status re-renders only on that', async () => {
  const { render, sync, server, advance } = await createTestClient([todo('1'), todo('2')]);
  const { Counted, take } = countRenders();
  const Failed = (): ReactNode => useSyncStatus((status) => status.failed);
  const Both = (): ReactNode => {
    const { failed, durable } = useSyncStatus((status) => ({
      failed: status.failed,
      durable: status.durable,
    }));
    return `${failed} ${durable}`;
  };
  render(
    <>
      <Counted name="failed">
        <Failed />
      </Counted>
      <Counted name="both">
        <Both />
      </Counted>
    </>,
  );
  take();
  act(() => void sync.update(todos, '1', { done: true }));
  await advance(0);
  expect(take()).toEqual([]);
  server.refuse(() => 403);
  act(() => void sync.update(todos, '2', { done: true }));
  await advance(0);
  expect(take()).toEqual(['failed', 'both']);
});

test('OS2 useEntityStatus: synced, pending, sending, held, failed, for that row only', async () => {
  const { saveTodo, calls } = createApi();
  const { renderHook, sync, clock, advance } = await createTestClient([todo('1'), todo('2')], {
    mutations: [saveTodo],
  });
  const { result } = renderHook(() => useEntityStatus(todos, '1'));
  const other = renderHook(() => useEntityStatus(todos, '2'));
  expect(result.current).toBe('synced');
  act(() => sync.pause());
  act(() => void sync.mutate(saveTodo, { id: '1', title: 'Milk' }));
  await advance(0);
  expect(result.current).toBe('pending');
  act(() => sync.resume());
  await advance(0);
  expect(result.current).toBe('sending');
  calls[0]?.fail(new TypeError('Failed to fetch'));
  await advance(0);
  expect(result.current).toBe('held');
  await advance((sync.pending()[0]?.nextAttemptAt ?? 0) - clock.now());
  calls[1]?.fail(Object.assign(new Error('No'), { status: 422 }));
  await advance(0);
  expect(result.current).toBe('failed');
  expect(other.result.current).toBe('synced');
});

test('RE2 usePendingMutations filters, in order, and keeps its identity until one of its mutations changed', async () => {
  const { renderHook, sync, advance } = await createTestClient([todo('1'), todo('2')]);
  act(() => sync.pause());
  const { result, rerender } = renderHook(() => usePendingMutations({ name: 'renameTodo' }));
  const all = renderHook(() => usePendingMutations());
  const nothing = result.current;
  act(() => void sync.update(todos, '2', { done: true }));
  await advance(0);
  expect(result.current, 'nothing of it changed').toBe(nothing);
  act(() => {
    sync.mutate(renameTodo, { id: '1', title: 'Milk' });
    sync.mutate(renameTodo, { id: '2', title: 'Eggs' });
  });
  await advance(0);
  expect(result.current.map((m) => m.variables)).toEqual([
    { id: '1', title: 'Milk' },
    { id: '2', title: 'Eggs' },
  ]);
  expect(all.result.current.map((m) => m.name)).toEqual(['@update', 'renameTodo', 'renameTodo']);
  const before = result.current;
  rerender();
  expect(result.current).toBe(before);
  act(() => sync.resume());
  await advance(0);
  expect(result.current).toEqual([]);
  expect(all.result.current).toEqual([]);
});
