import { act, renderHook as renderHookAlone } from '@testing-library/react';
import { StrictMode } from 'react';
import { describe, expect, test, vi } from 'vitest';
import { SyncProvider } from '../../src/react/SyncProvider.js';
import { useEntity } from '../../src/react/useEntity.js';
import { useDeadLetters } from '../../src/react/useDeadLetters.js';
import { useOptimisticMutation } from '../../src/react/useOptimisticMutation.js';
import { usePendingMutations } from '../../src/react/usePendingMutations.js';
import { createTestClient } from './testClient.js';
import { createApi, proposeTitle, renameTodo, todo, todos } from './todos.js';

const RENAME = { id: '1', title: 'Milk' };
const EDITED = { id: '1', title: 'Oat milk' };
const refusal = (): Error => Object.assign(new Error('No'), { status: 422 });

describe('RT7 retry', () => {
  test('RT7 after retry the result follows the mutation again: pending, then its new outcome, under its token', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, sync, advance } = await createTestClient([todo('1')], { mutations: [saveTodo] });
    const { result } = renderHook(() => useOptimisticMutation(saveTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    calls[0]?.fail(refusal());
    await advance(0);
    expect(result.current).toMatchObject({ status: 'error', needsAttention: false, token: 'token-1' });
    expect(sync.get(todos, '1')?.title).toBe('Todo 1');

    act(() => expect(result.current.retry(EDITED)).toBe('token-1'));
    expect(result.current).toMatchObject({
      status: 'pending',
      isQueued: true,
      error: null,
      failureCount: 0,
      failureReason: null,
      token: 'token-1',
      variables: EDITED,
    });
    await advance(0);
    expect(sync.get(todos, '1')?.title).toBe('Oat milk');
    expect(result.current).toMatchObject({ status: 'pending', isSending: true });
    expect(calls[1]?.variables).toEqual(EDITED);
    calls[1]?.answer({ saved: 'Oat milk' });
    await advance(0);
    expect(result.current).toMatchObject({
      status: 'success',
      data: { saved: 'Oat milk' },
      variables: EDITED,
    });
  });

  test('RT7 the callbacks of hook and call run again for the new outcome, with what onMutate returned once', async () => {
    const { renderHook, server, advance } = await createTestClient([todo('1')]);
    const log: unknown[] = [];
    const allow = server.refuse(() => true);
    const { result } = renderHook(() =>
      useOptimisticMutation(renameTodo, {
        onMutate: (v) => {
          log.push(['onMutate', v.title]);
          return 'before';
        },
        onError: (error, v, context) => log.push(['hook onError', error.code, v.title, context]),
        onSuccess: (_data, v, context) => log.push(['hook onSuccess', v.title, context]),
        onSettled: (_data, error) => log.push(['hook onSettled', error?.code]),
      }),
    );
    act(() => {
      result.current.mutate(RENAME, {
        onError: (error) => log.push(['own onError', error.code]),
        onSuccess: () => log.push(['own onSuccess']),
      });
    });
    await advance(0);
    act(() => void result.current.retry());
    await advance(0);
    allow();
    act(() => void result.current.retry(EDITED));
    await advance(0);
    expect(result.current.isSuccess).toBe(true);
    expect(log).toEqual([
      ['onMutate', 'Milk'],
      ['hook onError', 'REFUSED', 'Milk', 'before'],
      ['hook onSettled', 'REFUSED'],
      ['own onError', 'REFUSED'],
      ['hook onError', 'REFUSED', 'Milk', 'before'],
      ['hook onSettled', 'REFUSED'],
      ['own onError', 'REFUSED'],
      ['hook onSuccess', 'Oat milk', 'before'],
      ['hook onSettled', undefined],
      ['own onSuccess'],
    ]);
  });

  test('RT7 an edit that is refused here is the error, the dead letter stays, and can be retried', async () => {
    const { renderHook, sync, server, advance } = await createTestClient([todo('1')]);
    const allow = server.refuse(() => true);
    const onError = vi.fn();
    const { result } = renderHook(() => useOptimisticMutation(renameTodo, { onError }));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    await act(async () => expect(result.current.retry({ id: '1', title: '' })).toBeUndefined());
    expect(result.current).toMatchObject({
      status: 'error',
      token: 'token-1',
      error: { code: 'VALIDATION' },
      variables: { id: '1', title: '' },
    });
    expect(onError.mock.calls.map(([error]) => (error as { code: string }).code)).toEqual([
      'REFUSED',
      'VALIDATION',
    ]);
    expect(sync.deadLetters()).toMatchObject([{ token: 'token-1', variables: RENAME }]);
    allow();
    act(() => void result.current.retry());
    expect(result.current).toMatchObject({ status: 'pending', variables: RENAME });
    await advance(0);
    expect(result.current.isSuccess).toBe(true);
    expect(server.get('todos', '1')).toMatchObject({ title: 'Milk' });
  });

  test('RT7 what was discarded, or retried elsewhere, cannot be retried here: UNKNOWN_TOKEN', async () => {
    const { renderHook, sync, server, advance } = await createTestClient([todo('1')]);
    server.refuse(() => true);
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    await act(() => sync.discard('token-1'));
    await act(async () => expect(result.current.retry()).toBeUndefined());
    expect(result.current).toMatchObject({ status: 'error', error: { code: 'UNKNOWN_TOKEN' } });
    expect(sync.pending()).toEqual([]);
  });

  test('RT7 what was taken back, or refused at the call, is called anew', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1')]);
    act(() => sync.pause());
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    act(() => void result.current.mutate(RENAME));
    await act(async () => expect(await result.current.undo()).toBe('cancelled'));
    act(() => expect(result.current.retry()).toBe('token-2'));
    expect(sync.pending()).toMatchObject([{ token: 'token-2', variables: RENAME }]);
    await act(async () => result.current.mutate({ id: '1', title: '' }));
    expect(result.current.error?.code).toBe('VALIDATION');
    act(() => expect(result.current.retry(EDITED)).toBe('token-4'));
    act(() => sync.resume());
    await advance(0);
    expect(result.current).toMatchObject({ status: 'success', variables: EDITED });
  });

  test('RT7 there is nothing to retry unless the latest call failed', async () => {
    const { renderHook, server, advance } = await createTestClient([todo('1')]);
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    expect(result.current.retry()).toBeUndefined();
    let token: string | undefined;
    act(() => {
      token = result.current.mutate(RENAME);
      expect(result.current.retry(EDITED)).toBeUndefined();
    });
    await advance(0);
    expect(result.current.retry(EDITED)).toBeUndefined();
    expect(result.current).toMatchObject({ status: 'success', variables: RENAME });
    expect(server.timesApplied(token ?? '')).toBe(1);
  });

  test('RT7 in StrictMode a retry is one request and one callback; after a remount others see the letter', async () => {
    const { sync, server, advance } = await createTestClient([todo('1')]);
    const allow = server.refuse(() => true);
    const onSettled = vi.fn();
    const wrapper = ({ children }: { children: React.ReactNode }) => (
      <StrictMode>
        <SyncProvider client={sync}>{children}</SyncProvider>
      </StrictMode>
    );
    const first = renderHookAlone(() => useOptimisticMutation(renameTodo, { onSettled }), { wrapper });
    act(() => void first.result.current.mutate(RENAME));
    await advance(0);
    act(() => void first.result.current.retry(EDITED));
    await advance(0);
    expect(onSettled).toHaveBeenCalledTimes(2);
    expect(sync.deadLetters()).toMatchObject([{ history: [{}], variables: EDITED }]);
    act(() => void first.result.current.retry());
    first.unmount();
    allow();
    await advance(0);
    expect(onSettled, 'the hook’s callbacks outlive it').toHaveBeenCalledTimes(3);
    const again = renderHookAlone(() => useDeadLetters(), { wrapper });
    expect(again.result.current).toEqual(sync.deadLetters());
  });
});

describe('RT7 hold', () => {
  test('RT7 a refusal that is held is an error that needs attention, with its value on the screen', async () => {
    const { renderHook, sync, server, advance } = await createTestClient([todo('1')]);
    const allow = server.refuse((op) => op.kind === 'update' && op.patch['title'] === 'Milk');
    const { result } = renderHook(() => ({
      propose: useOptimisticMutation(proposeTitle),
      title: useEntity(todos, '1', (row) => row.title),
      waiting: usePendingMutations({ state: 'needsAttention' }).length,
    }));
    act(() => void result.current.propose.mutate(RENAME));
    expect(result.current.propose.needsAttention).toBe(false);
    await advance(0);
    expect(result.current).toMatchObject({ title: 'Milk', waiting: 1 });
    expect(result.current.propose).toMatchObject({
      status: 'error',
      isError: true,
      needsAttention: true,
      failureCount: 1,
      error: { code: 'REFUSED' },
    });

    act(() => void result.current.propose.retry(EDITED));
    expect(result.current.propose).toMatchObject({
      status: 'pending',
      needsAttention: false,
      error: null,
      failureReason: null,
    });
    await advance(0);
    expect(result.current).toMatchObject({ title: 'Oat milk', waiting: 0 });
    expect(result.current.propose).toMatchObject({ status: 'success', needsAttention: false });
    expect(server.get('todos', '1')).toMatchObject({ title: 'Oat milk' });

    act(() => void result.current.propose.mutate(RENAME));
    await advance(0);
    await act(() => sync.discard(result.current.propose.token ?? ''));
    expect(result.current).toMatchObject({ title: 'Oat milk', waiting: 0 });
    expect(result.current.propose, 'discarded elsewhere').toMatchObject({
      status: 'error',
      needsAttention: false,
    });
    allow();
  });
});

describe('MU4', () => {
  test('MU4 undo of an unsent call takes it back; its error is CANCELLED', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1')]);
    act(() => sync.pause());
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    expect(await result.current.undo(), 'nothing was called').toBe('settled');
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    await act(async () => expect(await result.current.undo()).toBe('cancelled'));
    expect(sync.get(todos, '1')?.title).toBe('Todo 1');
    expect(result.current).toMatchObject({ status: 'error', error: { code: 'CANCELLED' } });
  });

  test('MU4 undo of a sent call queues what undoes it, and the call stays what it was', async () => {
    const { renderHook, sync, server, advance } = await createTestClient([todo('1')]);
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    expect(server.get('todos', '1')).toMatchObject({ title: 'Milk' });
    await act(async () => expect(await result.current.undo()).toBe('queued'));
    expect(sync.get(todos, '1')?.title).toBe('Todo 1');
    expect(result.current).toMatchObject({ status: 'success', variables: RENAME });
    await advance(0);
    expect(server.get('todos', '1')).toMatchObject({ title: 'Todo 1' });
  });

  test('MU4 what changes alone do not tell how to undo rejects with NOT_UNDOABLE', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, advance } = await createTestClient([todo('1')], { mutations: [saveTodo] });
    const { result } = renderHook(() => useOptimisticMutation(saveTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    calls[0]?.answer({ saved: 'Milk' });
    await advance(0);
    await expect(result.current.undo()).rejects.toMatchObject({ code: 'NOT_UNDOABLE' });
    expect(result.current.isSuccess).toBe(true);
  });
});

describe('MU5', () => {
  test('MU5 sendAfter shows the change, says until when it can be taken back, and sends it then', async () => {
    const { renderHook, sync, server, clock, advance } = await createTestClient([todo('1')]);
    const { result } = renderHook(() => useOptimisticMutation(renameTodo, { sendAfter: 5_000 }));
    const until = clock.now() + 5_000;
    act(() => void result.current.mutate(RENAME));
    await advance(2_000);
    expect(sync.get(todos, '1')?.title).toBe('Milk');
    expect(result.current).toMatchObject({ status: 'pending', isQueued: true, nextAttemptAt: until });
    expect(sync.pending()).toMatchObject([{ state: 'delayed' }]);
    expect(server.journal).toEqual([]);
    await advance(3_000);
    expect(result.current).toMatchObject({ status: 'success', nextAttemptAt: undefined });
    expect(server.timesApplied(result.current.token ?? '')).toBe(1);
  });

  test('MU5 a call’s own sendAfter wins; undo within it sends nothing, also after a remount', async () => {
    const { renderHook, sync, server, advance } = await createTestClient([todo('1')]);
    const first = renderHook(() => useOptimisticMutation(renameTodo, { sendAfter: 60_000 }));
    act(() => void first.result.current.mutate(RENAME, { sendAfter: 5_000 }));
    await advance(4_000);
    first.unmount();
    const again = renderHook(() => usePendingMutations({ state: 'delayed' }));
    expect(again.result.current).toMatchObject([{ variables: RENAME }]);
    await act(async () => {
      expect(await sync.undo(again.result.current[0]?.token ?? '')).toBe('cancelled');
    });
    await advance(60_000);
    expect(server.journal).toEqual([]);
    expect(sync.get(todos, '1')?.title).toBe('Todo 1');
  });
});

test('RE1 calls with one idempotencyKey are one mutation while it is undecided', async () => {
  const { saveTodo, calls } = createApi();
  const { renderHook, advance } = await createTestClient([todo('1')], { mutations: [saveTodo] });
  const onSuccess = vi.fn();
  const { result } = renderHook(() => useOptimisticMutation(saveTodo, { onSuccess }));
  act(() => {
    expect(result.current.mutate(RENAME, { idempotencyKey: 'order-7' })).toBe('order-7');
    expect(result.current.mutate(RENAME, { idempotencyKey: 'order-7' })).toBe('order-7');
  });
  await advance(0);
  expect(calls).toHaveLength(1);
  calls[0]?.answer({ saved: 'Milk' });
  await advance(0);
  expect(result.current).toMatchObject({ status: 'success', token: 'order-7', data: { saved: 'Milk' } });
});
