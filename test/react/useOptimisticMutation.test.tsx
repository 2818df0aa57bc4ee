import { act } from '@testing-library/react';
import { Component, useLayoutEffect, type ReactNode } from 'react';
import { describe, expect, test, vi } from 'vitest';
import { remove } from '../../src/domain/definition.js';
import { SyncError } from '../../src/domain/errors.js';
import { useOptimisticMutation } from '../../src/react/useOptimisticMutation.js';
import { usePendingMutations } from '../../src/react/usePendingMutations.js';
import { createTestClient } from './testClient.js';
import { createApi, renameTodo, todo, todos } from './todos.js';

const RENAME = { id: '1', title: 'Milk' };

describe('RE1 result', () => {
  test('RE1 idle has the keys and values of useMutation', async () => {
    const { renderHook } = await createTestClient();
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    expect(result.current).toMatchObject({
      status: 'idle',
      isIdle: true,
      isPending: false,
      isPaused: false,
      isSuccess: false,
      isError: false,
      data: undefined,
      error: null,
      variables: undefined,
      context: undefined,
      failureCount: 0,
      failureReason: null,
      submittedAt: 0,
      token: undefined,
      isQueued: false,
      isSending: false,
      needsAttention: false,
      nextAttemptAt: undefined,
    });
  });

  test('RE1 a mutation is visible in the same tick, then pending, sending and a success with the server’s answer', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, sync, advance, clock } = await createTestClient([todo('1')], {
      mutations: [saveTodo],
    });
    const { result } = renderHook(() => useOptimisticMutation(saveTodo));
    const before = clock.now();
    act(() => {
      const token = result.current.mutate(RENAME);
      expect(token).toBe('token-1');
      expect(sync.get(todos, '1')?.title).toBe('Milk');
    });
    expect(result.current).toMatchObject({
      status: 'pending',
      isPending: true,
      isIdle: false,
      isQueued: true,
      isSending: false,
      isPaused: false,
      variables: RENAME,
      token: 'token-1',
      submittedAt: before,
      data: undefined,
      error: null,
    });
    await advance(0);
    expect(result.current).toMatchObject({ status: 'pending', isQueued: false, isSending: true });
    calls[0]?.answer({ saved: 'Milk' });
    await advance(0);
    expect(result.current).toMatchObject({
      status: 'success',
      isSuccess: true,
      isPending: false,
      isQueued: false,
      isSending: false,
      data: { saved: 'Milk' },
      variables: RENAME,
      submittedAt: before,
    });
  });

  test('RE1 a refusal is an error: the change is taken back, state, onError and mutateAsync carry one error', async () => {
    const { renderHook, sync, server, advance } = await createTestClient([todo('1')]);
    server.refuse(() => 403);
    const onError = vi.fn();
    const { result } = renderHook(() => useOptimisticMutation(renameTodo, { onError }));
    let rejection: Promise<unknown> | undefined;
    act(() => {
      rejection = result.current.mutateAsync(RENAME).catch((thrown: unknown) => thrown);
    });
    await advance(0);
    const error = await rejection;
    expect(error).toMatchObject({ name: 'SyncError', code: 'FORBIDDEN' });
    expect(sync.get(todos, '1')?.title).toBe('Todo 1');
    expect(result.current).toMatchObject({
      status: 'error',
      isError: true,
      failureCount: 1,
      variables: RENAME,
    });
    expect(result.current.error).toBe(error);
    expect(result.current.failureReason).toBe(error);
    expect(onError.mock.calls).toEqual([[error, RENAME, undefined]]);
  });

  test('RE1 an error at the call is state and onError, and mutate does not throw', async () => {
    const { renderHook, sync } = await createTestClient([todo('1')]);
    const log: unknown[] = [];
    const { result } = renderHook(() =>
      useOptimisticMutation(renameTodo, { onError: (error) => log.push(error.code) }),
    );
    await act(async () => {
      expect(result.current.mutate({ id: '1', title: '' })).toBeUndefined();
      expect(sync.pending()).toEqual([]);
    });
    expect(result.current).toMatchObject({
      status: 'error',
      token: undefined,
      submittedAt: 0,
      error: { code: 'VALIDATION', cause: new Error('A title is needed') },
    });
    expect(log).toEqual(['VALIDATION']);
    await act(async () => {
      const error = await result.current.mutateAsync({ id: 'nobody', title: 'x' }).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'ENTITY_NOT_FOUND' });
    });
    expect(result.current.error?.code).toBe('ENTITY_NOT_FOUND');
  });

  test('RE1 offline is pending and paused; it goes on when the network is back', async () => {
    const { renderHook, setOnline, advance } = await createTestClient([todo('1')]);
    await setOnline(false);
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    expect(result.current).toMatchObject({ status: 'pending', isPaused: true, isQueued: true });
    await setOnline(true);
    expect(result.current).toMatchObject({ status: 'success', isPaused: false, isQueued: false });
  });

  test('RE1 a paused client is paused too', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1')]);
    act(() => sync.pause());
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    expect(result.current).toMatchObject({ status: 'pending', isPaused: true, failureCount: 0 });
    act(() => sync.resume());
    await advance(0);
    expect(result.current.isSuccess).toBe(true);
  });

  test('RE1 a failed attempt counts, says why and when the next one is', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, advance, clock } = await createTestClient([todo('1')], { mutations: [saveTodo] });
    const { result } = renderHook(() => useOptimisticMutation(saveTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    calls[0]?.fail(new TypeError('Failed to fetch'));
    await advance(0);
    expect(result.current).toMatchObject({
      status: 'pending',
      isPaused: false,
      isQueued: true,
      failureCount: 1,
      failureReason: { code: 'NETWORK' },
      error: null,
    });
    const { nextAttemptAt = 0 } = result.current;
    expect(nextAttemptAt).toBeGreaterThan(clock.now());
    await advance(nextAttemptAt - clock.now());
    expect(result.current).toMatchObject({ isSending: true, nextAttemptAt: undefined });
    calls[1]?.answer({ saved: 'Milk' });
    await advance(0);
    expect(result.current).toMatchObject({ status: 'success', failureCount: 0, failureReason: null });
  });

  test('RE1 what the component may do are the same functions at every render', async () => {
    const { renderHook, advance } = await createTestClient([todo('1')]);
    const { result, rerender } = renderHook(() => useOptimisticMutation(renameTodo, { onSuccess: () => 1 }));
    const { mutate, mutateAsync, reset, rollback, undo, retry } = result.current;
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    rerender();
    expect(result.current).toMatchObject({ status: 'success' });
    expect(result.current.mutate).toBe(mutate);
    expect(result.current.mutateAsync).toBe(mutateAsync);
    expect(result.current.reset).toBe(reset);
    expect(result.current.rollback).toBe(rollback);
    expect(result.current.undo).toBe(undo);
    expect(result.current.retry).toBe(retry);
  });

  test('RE1 the result keeps its identity while nothing of it changed', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1'), todo('2')]);
    const { result, rerender } = renderHook(() => useOptimisticMutation(renameTodo));
    const before = result.current;
    rerender();
    act(() => void sync.update(todos, '2', { done: true }));
    await advance(0);
    expect(result.current).toBe(before);
  });

  test('RE1 reset goes back to idle; what was called goes on', async () => {
    const { renderHook, server, advance } = await createTestClient([todo('1')]);
    const onSuccess = vi.fn();
    const ownOnSuccess = vi.fn();
    const { result } = renderHook(() => useOptimisticMutation(renameTodo, { onSuccess }));
    act(() => {
      result.current.mutate(RENAME, { onSuccess: ownOnSuccess });
      result.current.reset();
    });
    expect(result.current).toMatchObject({ status: 'idle', variables: undefined, token: undefined });
    await advance(0);
    expect(result.current.status).toBe('idle');
    expect(server.get('todos', '1')).toMatchObject({ title: 'Milk' });
    expect(onSuccess).toHaveBeenCalledOnce();
    expect(ownOnSuccess).not.toHaveBeenCalled();
  });

  test('MU3 rollback takes the unsent call back, and its error is CANCELLED', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1')]);
    act(() => sync.pause());
    const { result } = renderHook(() => useOptimisticMutation(renameTodo));
    expect(await result.current.rollback()).toBe('settled');
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    await act(async () => {
      expect(await result.current.rollback()).toBe('cancelled');
    });
    expect(sync.get(todos, '1')?.title).toBe('Todo 1');
    expect(result.current).toMatchObject({ status: 'error', error: { code: 'CANCELLED' } });
  });

  test('MU3 rollback of a sent call rejects with ALREADY_SENT and changes nothing', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, sync, advance } = await createTestClient([todo('1')], { mutations: [saveTodo] });
    const { result } = renderHook(() => useOptimisticMutation(saveTodo));
    act(() => void result.current.mutate(RENAME));
    await advance(0);
    await expect(result.current.rollback()).rejects.toMatchObject({ code: 'ALREADY_SENT' });
    expect(sync.get(todos, '1')?.title).toBe('Milk');
    expect(result.current.isSending).toBe(true);
    calls[0]?.answer({ saved: 'Milk' });
    await advance(0);
    expect(result.current.isSuccess).toBe(true);
  });
});

describe('RE1 options', () => {
  test('RE1 callbacks run in TanStack Query’s order: the hook’s, awaited, then the call’s', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, sync, advance } = await createTestClient([todo('1')], { mutations: [saveTodo] });
    const log: unknown[] = [];
    const { result } = renderHook(() =>
      useOptimisticMutation(saveTodo, {
        onMutate: (v) => {
          log.push(['onMutate', v, sync.get(todos, '1')?.title]);
          return { previous: sync.get(todos, '1')?.title };
        },
        onSuccess: async (data, v, context) => {
          log.push(['hook onSuccess', data, v, context]);
          await Promise.resolve();
          log.push(['hook onSuccess done', result.current.status]);
        },
        onSettled: (data, error, v, context) => log.push(['hook onSettled', data, error, v, context]),
      }),
    );
    let done: Promise<unknown> | undefined;
    act(() => {
      done = result.current
        .mutateAsync(RENAME, {
          onSuccess: (data, v, context) => log.push(['own onSuccess', data, v, context]),
          onSettled: (data, error, v, context) => log.push(['own onSettled', data, error, v, context]),
        })
        .then((data) => log.push(['mutateAsync', data]));
    });
    expect(result.current.context).toEqual({ previous: 'Todo 1' });
    await advance(0);
    calls[0]?.answer({ saved: 'Milk' });
    await advance(0);
    await done;
    const data = { saved: 'Milk' };
    const context = { previous: 'Todo 1' };
    expect(log).toEqual([
      ['onMutate', RENAME, 'Todo 1'],
      ['hook onSuccess', data, RENAME, context],
      ['hook onSuccess done', 'pending'],
      ['hook onSettled', data, null, RENAME, context],
      ['own onSuccess', data, RENAME, context],
      ['own onSettled', data, null, RENAME, context],
      ['mutateAsync', data],
    ]);
  });

  test('RE1 callbacks of a failure get the error where those of a success get the data', async () => {
    const { renderHook, server, advance } = await createTestClient([todo('1')]);
    server.refuse(() => true);
    const log: unknown[] = [];
    const { result } = renderHook(() =>
      useOptimisticMutation(renameTodo, {
        onMutate: () => 'before',
        onError: (error, v, context) => log.push(['hook onError', error.code, v, context]),
        onSettled: (data, error, v, context) => log.push(['hook onSettled', data, error?.code, v, context]),
      }),
    );
    act(() => {
      result.current.mutate(RENAME, {
        onError: (error, v, context) => log.push(['own onError', error.code, v, context]),
        onSettled: (data, error, v, context) => log.push(['own onSettled', data, error?.code, v, context]),
      });
    });
    await advance(0);
    expect(log).toEqual([
      ['hook onError', 'REFUSED', RENAME, 'before'],
      ['hook onSettled', undefined, 'REFUSED', RENAME, 'before'],
      ['own onError', 'REFUSED', RENAME, 'before'],
      ['own onSettled', undefined, 'REFUSED', RENAME, 'before'],
    ]);
  });

  test('RE1 the hook’s callbacks run for every call, a call’s own only for the latest', async () => {
    const { saveTodo, calls } = createApi();
    const rows = [todo('1'), todo('2'), todo('3')];
    const { renderHook, advance } = await createTestClient(rows, { mutations: [saveTodo] });
    const log: string[] = [];
    const { result } = renderHook(() =>
      useOptimisticMutation(saveTodo, { onSuccess: (_data, v) => log.push(`hook ${v.id}`) }),
    );
    act(() => {
      for (const { id } of rows)
        result.current.mutate({ id, title: 'x' }, { onSuccess: (_data, v) => log.push(`own ${v.id}`) });
    });
    await advance(0);
    for (const call of calls.toReversed()) call.answer({ saved: call.variables.id });
    await advance(0);
    expect(log.toSorted()).toEqual(['hook 1', 'hook 2', 'hook 3', 'own 3']);
    expect(result.current).toMatchObject({ data: { saved: '3' }, variables: { id: '3' } });
  });

  test('RE1 a promise of onMutate is awaited before the other callbacks, the change does not wait', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1')]);
    const onSuccess = vi.fn();
    const { result } = renderHook(() =>
      useOptimisticMutation(renameTodo, { onMutate: () => Promise.resolve('later'), onSuccess }),
    );
    act(() => {
      result.current.mutate(RENAME);
      expect(sync.get(todos, '1')?.title).toBe('Milk');
    });
    await advance(0);
    expect(onSuccess.mock.calls).toEqual([[undefined, RENAME, 'later']]);
    expect(result.current.context).toBe('later');
  });

  test('RE1 onMutate that throws applies nothing', async () => {
    const { renderHook, sync } = await createTestClient([todo('1')]);
    const { result } = renderHook(() =>
      useOptimisticMutation(renameTodo, {
        onMutate: (): string => {
          throw new SyncError('FORBIDDEN', 'Not now.');
        },
      }),
    );
    await act(async () => void result.current.mutate(RENAME));
    expect(sync.get(todos, '1')?.title).toBe('Todo 1');
    expect(result.current).toMatchObject({ status: 'error', error: { code: 'FORBIDDEN' } });
  });

  test('RE1 throwOnError throws to the error boundary, for the errors it says', async () => {
    const { render, server, advance } = await createTestClient([todo('1')]);
    server.refuse(() => 403);
    const quiet = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    let rename: ReturnType<typeof useOptimisticMutation<{ id: string; title: string }, unknown>> | undefined;
    function Rename({ code }: { readonly code: string }): ReactNode {
      const mutation = useOptimisticMutation(renameTodo, { throwOnError: (error) => error.code === code });
      useLayoutEffect(() => {
        rename = mutation;
      });
      return <p>{mutation.status}</p>;
    }
    const { container, rerender } = render(
      <Boundary>
        <Rename code="CONFLICT" />
      </Boundary>,
    );
    act(() => void rename?.mutate(RENAME));
    await advance(0);
    expect(container).toHaveTextContent('error');
    rerender(
      <Boundary>
        <Rename code="FORBIDDEN" />
      </Boundary>,
    );
    expect(container).toHaveTextContent('Boundary: FORBIDDEN');
    quiet.mockRestore();
  });

  test('RE1 priority, dependsOn, meta and scope go with the mutation; a call’s own win', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1'), todo('2')]);
    act(() => sync.pause());
    const { result } = renderHook(() =>
      useOptimisticMutation(renameTodo, { priority: 'low', meta: { from: 'list' }, scope: { id: 'names' } }),
    );
    act(() => {
      const first = result.current.mutate(RENAME);
      result.current.mutate(
        { id: '2', title: 'Eggs' },
        { priority: 'high', dependsOn: first === undefined ? [] : [first] },
      );
    });
    expect(sync.pending()).toMatchObject([
      { priority: 'low', meta: { from: 'list' } },
      { priority: 'high', meta: { from: 'list' } },
    ]);
    await advance(0);
  });

  test('SC1 calls of one scope are sent in order, whatever they touch', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, advance } = await createTestClient([todo('1'), todo('2')], { mutations: [saveTodo] });
    const { result } = renderHook(() => useOptimisticMutation(saveTodo, { scope: { id: 'one by one' } }));
    act(() => {
      result.current.mutate({ id: '1', title: 'a' });
      result.current.mutate({ id: '2', title: 'b' });
    });
    await advance(0);
    expect(calls.map((c) => c.variables.id)).toEqual(['1']);
    calls[0]?.answer({ saved: 'a' });
    await advance(0);
    expect(calls.map((c) => c.variables.id)).toEqual(['1', '2']);
    calls[1]?.answer({ saved: 'b' });
    await advance(0);
  });

  test('RE1 a definition made in place at every render is fine', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1')]);
    const { result } = renderHook(() => useOptimisticMutation(remove(todos)));
    const { mutate } = result.current;
    act(() => void result.current.mutate('1'));
    await advance(0);
    expect(result.current.isSuccess).toBe(true);
    expect(result.current.mutate).toBe(mutate);
    expect(sync.get(todos, '1')).toBeUndefined();
  });
});

describe('RE2', () => {
  test('RE2 unmount does not stop a mutation: it is sent, and the hook’s callbacks run, the call’s own do not', async () => {
    const { saveTodo, calls } = createApi();
    const { renderHook, sync, advance } = await createTestClient([todo('1')], { mutations: [saveTodo] });
    const log: string[] = [];
    const { result, unmount } = renderHook(() =>
      useOptimisticMutation(saveTodo, {
        onSuccess: (data) => log.push(`hook onSuccess ${data.saved}`),
        onSettled: () => log.push('hook onSettled'),
      }),
    );
    act(() => void result.current.mutate(RENAME, { onSuccess: () => log.push('own onSuccess') }));
    unmount();
    await advance(0);
    calls[0]?.answer({ saved: 'Milk' });
    await advance(0);
    expect(log).toEqual(['hook onSuccess Milk', 'hook onSettled']);
    expect(sync.get(todos, '1')?.title).toBe('Milk');
    expect(sync.pending()).toEqual([]);
  });

  test('RE2 a remount anywhere sees it through usePendingMutations', async () => {
    const { renderHook, sync, advance } = await createTestClient([todo('1')]);
    act(() => sync.pause());
    const first = renderHook(() => useOptimisticMutation(renameTodo));
    act(() => void first.result.current.mutate(RENAME));
    first.unmount();
    await advance(0);
    const again = renderHook(() => usePendingMutations({ collection: 'todos', id: '1' }));
    expect(again.result.current).toMatchObject([{ name: 'renameTodo', variables: RENAME, state: 'queued' }]);
    act(() => sync.resume());
    await advance(0);
    expect(again.result.current).toEqual([]);
  });
});

class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined };
  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }
  override render(): ReactNode {
    const { error } = this.state;
    return error === undefined ? this.props.children : `Boundary: ${(error as SyncError).code}`;
  }
}
