import { act, renderHook as renderHookAlone } from '@testing-library/react';
import { StrictMode, type ReactNode } from 'react';
import { expect, test } from 'vitest';
import { createMemoryDisk, memoryStorage } from '../../src/adapters/memoryStorage.js';
import type { DeadLetterView } from '../../src/engine/deadLetterView.js';
import { SyncProvider } from '../../src/react/SyncProvider.js';
import { useDeadLetters } from '../../src/react/useDeadLetters.js';
import { countRenders } from './renders.js';
import { createTestClient } from './testClient.js';
import { proposeTitle, renameTodo, todo, todos } from './todos.js';

const brief = ({ token, variables, error }: DeadLetterView): unknown => [token, variables, error.code];

test('RT7 useDeadLetters lists what was refused, with its variables, error and history, until it is retried or discarded', async () => {
  const { renderHook, sync, server, advance } = await createTestClient([todo('1'), todo('2')]);
  const { result } = renderHook(() => useDeadLetters());
  expect(result.current).toEqual([]);
  const allow = server.refuse(() => ({ status: 422, detail: 'No title like that.' }));
  act(() => {
    sync.mutate(renameTodo, { id: '1', title: 'Milk' });
    sync.update(todos, '2', { done: true });
  });
  await advance(0);
  expect(result.current.map(brief)).toEqual([
    ['token-1', { id: '1', title: 'Milk' }, 'REFUSED'],
    ['token-2', { id: '2', patch: { done: true } }, 'REFUSED'],
  ]);
  expect(result.current[0]).toMatchObject({
    entities: [{ collection: 'todos', id: '1' }],
    error: { details: { problem: { detail: 'No title like that.' } } },
    history: [],
    needsAttention: false,
    causedBy: undefined,
  });

  await act(async () => sync.retry('token-1', { id: '1', title: 'Oat milk' }));
  expect(
    result.current.map(({ token }) => token),
    'tried again, it is pending',
  ).toEqual(['token-2']);
  await advance(0);
  const again = result.current.find(({ token }) => token === 'token-1');
  expect(again).toMatchObject({
    variables: { id: '1', title: 'Oat milk' },
    history: [{ error: { code: 'REFUSED' } }],
  });

  allow();
  act(() => void sync.retry('token-1'));
  await act(() => sync.discard('token-2'));
  await advance(0);
  expect(result.current).toEqual([]);
  expect(server.get('todos', '1')).toMatchObject({ title: 'Oat milk' });
});

test('RT7 useDeadLetters filters by token, name, row, and whether the value is still shown', async () => {
  const { renderHook, sync, server, advance } = await createTestClient([todo('1'), todo('2'), todo('3')]);
  server.refuse(() => true);
  act(() => {
    sync.mutate(renameTodo, { id: '1', title: 'Milk' });
    sync.mutate(proposeTitle, { id: '2', title: 'Eggs' });
    sync.delete(todos, '3');
  });
  await advance(0);
  const tokens = (filter: Parameters<typeof useDeadLetters>[0]): readonly string[] =>
    renderHook(() => useDeadLetters(filter)).result.current.map(({ token }) => token);
  expect(tokens({})).toEqual(['token-1', 'token-2', 'token-3']);
  expect(tokens({ token: 'token-2' })).toEqual(['token-2']);
  expect(tokens({ name: '@delete' })).toEqual(['token-3']);
  expect(tokens({ collection: 'todos', id: '1' })).toEqual(['token-1']);
  expect(tokens({ collection: 'lists' })).toEqual([]);
  expect(tokens({ needsAttention: true })).toEqual(['token-2']);
  expect(tokens({ needsAttention: false })).toEqual(['token-1', 'token-3']);
});

test('RT7 useDeadLetters of one row re-renders for a letter of that row only, and keeps its array until then', async () => {
  const { render, renderHook, sync, server, advance } = await createTestClient([todo('1'), todo('2')]);
  const { Counted, take } = countRenders();
  const Refused = ({ id }: { readonly id: string }): ReactNode =>
    useDeadLetters({ collection: 'todos', id }).length;
  render(
    ['1', '2'].map((id) => (
      <Counted key={id} name={id}>
        <Refused id={id} />
      </Counted>
    )),
  );
  take();
  act(() => void sync.update(todos, '1', { done: true }));
  await advance(0);
  expect(take(), 'an accepted mutation concerns nobody here').toEqual([]);
  server.refuse(() => true);
  act(() => void sync.update(todos, '1', { done: false }));
  await advance(0);
  expect(new Set(take())).toEqual(new Set(['1']));
  const { result, rerender } = renderHook(() => useDeadLetters({ collection: 'todos' }));
  const before = result.current;
  rerender();
  expect(result.current).toBe(before);
});

test('RT7 RE2 a remount sees the same dead letters, in StrictMode and after a reload', async () => {
  const disk = createMemoryDisk();
  const { sync, server, advance } = await createTestClient([todo('1')], {
    storage: memoryStorage({ disk }),
  });
  server.refuse(() => true);
  act(() => {
    sync.mutate(renameTodo, { id: '1', title: 'Milk' });
  });
  await advance(0);
  const inStrictMode = (client: typeof sync) =>
    renderHookAlone(() => useDeadLetters(), {
      wrapper: ({ children }) => (
        <StrictMode>
          <SyncProvider client={client}>{children}</SyncProvider>
        </StrictMode>
      ),
    });
  const first = inStrictMode(sync);
  const before = first.result.current.map(brief);
  expect(before).toEqual([['token-1', { id: '1', title: 'Milk' }, 'REFUSED']]);
  first.unmount();
  expect(inStrictMode(sync).result.current.map(brief)).toEqual(before);

  await sync.dispose();
  const reloaded = await createTestClient([], { storage: memoryStorage({ disk }) });
  expect(inStrictMode(reloaded.sync).result.current.map(brief)).toEqual(before);
});

test('SC4 what was refused only because of another names it, and comes back with it', async () => {
  const { renderHook, sync, server, network, advance } = await createTestClient();
  const { result } = renderHook(() => useDeadLetters());
  const allow = server.refuse((op) => op.kind === 'insert');
  network.set({ latencyMs: 100 });
  act(() => void sync.insert(todos, todo('1')));
  await advance(0);
  act(() => void sync.mutate(renameTodo, { id: '1', title: 'Milk' }));
  await advance(100);
  expect(result.current.map(({ token, error, causedBy }) => [token, error.code, causedBy])).toEqual([
    ['token-1', 'REFUSED', undefined],
    ['token-2', 'DEPENDENCY', 'token-1'],
  ]);
  allow();
  await act(async () => sync.retry('token-1'));
  expect(result.current).toEqual([]);
  expect(sync.get(todos, '1')?.title).toBe('Milk');
  await advance(1_000);
  expect(server.get('todos', '1')).toMatchObject({ title: 'Milk' });
});
