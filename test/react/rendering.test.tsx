import { act, cleanup, render, renderHook, screen } from '@testing-library/react';
import { StrictMode, startTransition, useLayoutEffect, useState, type ReactNode } from 'react';
import { hydrateRoot, createRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import type { SyncClient } from '../../src/engine/client.js';
import { SyncProvider } from '../../src/react/SyncProvider.js';
import { useDeadLetters } from '../../src/react/useDeadLetters.js';
import { useEntities } from '../../src/react/useEntities.js';
import { useEntity } from '../../src/react/useEntity.js';
import { useEntityStatus } from '../../src/react/useEntityStatus.js';
import { useOptimisticMutation } from '../../src/react/useOptimisticMutation.js';
import { usePendingMutations } from '../../src/react/usePendingMutations.js';
import { useSyncClient } from '../../src/react/useSyncClient.js';
import { useSyncStatus } from '../../src/react/useSyncStatus.js';
import { createTestClient } from './testClient.js';
import { renameTodo, todo, todos } from './todos.js';

/** Every hook, in one line of text. */
function Everything(): ReactNode {
  const row = useEntity(todos, '1');
  const title = useEntity(todos, '1', (t) => ({ text: t.title }));
  const rows = useEntities(todos, { where: { done: false } });
  const chosen = useEntities(todos, { where: (t) => t.rank === 0 }, []);
  const { phase } = useSyncStatus();
  const count = useSyncStatus((s) => s.pending);
  const pending = usePendingMutations();
  const refused = useDeadLetters();
  const status = useEntityStatus(todos, '1');
  const rename = useOptimisticMutation(renameTodo);
  return (
    <button onClick={() => rename.mutate({ id: '1', title: 'Milk' })}>
      {[
        row?.title,
        title?.text,
        rows.length,
        chosen.length,
        phase,
        count,
        pending.length,
        refused.length,
        status,
        rename.status,
      ].join()}
    </button>
  );
}

const app = (sync: SyncClient): ReactNode => (
  <SyncProvider client={sync}>
    <Everything />
  </SyncProvider>
);

test('RE3 a server renders without a browser, and hydration does not mismatch, whatever the client knows by then', async () => {
  const onServer = await createTestClient();
  const html = renderToString(app(onServer.sync));
  expect(html).toContain(',,0,0,starting,0,0,0,synced,idle');

  const { sync, server, advance } = await createTestClient([todo('1'), todo('2')]);
  const stopRefusing = server.refuse(() => true);
  sync.update(todos, '2', { title: 'Bread' });
  await advance(0);
  stopRefusing();
  sync.pause();
  sync.update(todos, '2', { title: 'Eggs' });
  const container = document.body.appendChild(document.createElement('div'));
  container.innerHTML = html;
  const complained = vi.spyOn(console, 'error');
  const onRecoverableError = vi.fn();
  const button = container.firstChild;
  const root = await act(async () => hydrateRoot(container, app(sync), { onRecoverableError }));
  expect(container.textContent).toBe('Todo 1,Todo 1,2,2,paused,1,1,1,synced,idle');
  expect(container.firstChild, 'the server’s element was adopted').toBe(button);
  await act(async () => screen.getByRole('button').click());
  expect(container.textContent).toBe('Milk,Milk,2,2,paused,2,2,1,pending,pending');
  expect(onRecoverableError).not.toHaveBeenCalled();
  expect(complained).not.toHaveBeenCalled();
  complained.mockRestore();
  sync.resume();
  await advance(0);
  act(() => root.unmount());
  container.remove();
});

const useRow = (): ReactNode => useEntity(todos, '1')?.title;
const useSelection = (): ReactNode => useEntity(todos, '1', (row) => row.title);
const useRows = (): ReactNode => useEntities(todos)[0]?.title;
const useChosenRows = (): ReactNode => useEntities(todos, { where: () => true }, [])[0]?.title;

test.each([useRow, useSelection, useRows, useChosenRows])(
  'RE3 no tearing: a change in the middle of a concurrent render is shown by all readers or by none: $name',
  async (useTitle) => {
    const { sync } = await createTestClient([todo('1', { title: 'old' })]);
    const READERS = 8;
    const rendered: number[] = [];
    const committed = new Set<string>();
    let show: (() => void) | undefined;
    function Reader({ n }: { readonly n: number }): ReactNode {
      const title = useTitle();
      workFor(8);
      rendered.push(n);
      return <i>{title}</i>;
    }
    function Readers(): ReactNode {
      const [shown, setShown] = useState(false);
      useLayoutEffect(() => {
        show = () => setShown(true);
      });
      return shown && Array.from({ length: READERS }, (_, n) => <Reader key={n} n={n} />);
    }
    const container = document.body.appendChild(document.createElement('div'));
    const observer = new MutationObserver(() =>
      committed.add([...new Set([...container.querySelectorAll('i')].map((i) => i.textContent))].join(' | ')),
    );
    observer.observe(container, { childList: true, subtree: true, characterData: true });
    vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', false); // act would render all at once
    try {
      const root = createRoot(container);
      root.render(
        <SyncProvider client={sync}>
          <Readers />
        </SyncProvider>,
      );
      await until(() => show !== undefined);
      startTransition(() => show?.());
      await until(() => rendered.length > 1);
      expect(rendered.length, 'React yielded in the middle').toBeLessThan(READERS);
      sync.update(todos, '1', { title: 'new' });
      await until(() => container.querySelectorAll('i').length === READERS);
      await turn();
      root.unmount();
    } finally {
      vi.unstubAllGlobals();
      observer.disconnect();
      container.remove();
    }
    expect([...committed]).toContain('new');
    expect([...committed].filter((texts) => texts.includes('|'))).toEqual([]);
  },
);

test('TB5 StrictMode mounts twice: one request, one callback, and nothing is left subscribed', async () => {
  const { sync, server, advance } = await createTestClient([todo('1')]);
  const { watched, open } = countSubscriptions(sync);
  const onSuccess = vi.fn();
  const { result, unmount } = renderHook(
    () => {
      useEntity(todos, '1');
      useEntities(todos);
      useSyncStatus();
      usePendingMutations();
      useDeadLetters();
      useEntityStatus(todos, '1');
      return useOptimisticMutation(renameTodo, { onSuccess });
    },
    {
      wrapper: ({ children }) => (
        <StrictMode>
          <SyncProvider client={watched}>{children}</SyncProvider>
        </StrictMode>
      ),
    },
  );
  expect(open(), 'one per reading hook, two for the mutation').toBe(8);
  let token: string | undefined;
  act(() => {
    token = result.current.mutate({ id: '1', title: 'Milk' });
  });
  await advance(0);
  expect(result.current.isSuccess).toBe(true);
  expect(onSuccess).toHaveBeenCalledOnce();
  expect(server.timesApplied(token ?? '')).toBe(1);
  unmount();
  expect(open()).toBe(0);
});

test('TB5 the provider neither makes nor disposes the client: it works on after everything unmounted', async () => {
  const { sync, advance } = await createTestClient([todo('1')]);
  render(app(sync)).unmount();
  cleanup();
  const { confirmed } = sync.update(todos, '1', { done: true });
  await advance(0);
  await expect(confirmed).resolves.toBeUndefined();
});

test('RE3 another client under the same components: they read that one', async () => {
  const first = await createTestClient([todo('1', { title: 'Ada’s' })]);
  const second = await createTestClient([todo('1', { title: 'Bob’s' })]);
  const { rerender } = render(app(first.sync));
  expect(screen.getByRole('button')).toHaveTextContent('Ada’s,Ada’s,1,1,synced');
  rerender(app(second.sync));
  expect(screen.getByRole('button')).toHaveTextContent('Bob’s,Bob’s,1,1,synced');
  act(() => void first.sync.update(todos, '1', { title: 'Nobody looks' }));
  act(() => void second.sync.update(todos, '1', { title: 'Somebody looks' }));
  expect(screen.getByRole('button')).toHaveTextContent('Somebody looks,Somebody looks,1,1');
  await first.advance(0);
  await second.advance(0);
});

test('RE3 without a provider a hook says what is missing', () => {
  const quiet = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(() => renderHook(() => useSyncClient())).toThrow('wrap this component in <SyncProvider client={…}>');
  quiet.mockRestore();
});

function countSubscriptions(sync: SyncClient): { readonly watched: SyncClient; readonly open: () => number } {
  let open = 0;
  const counted = (unsubscribe: () => void): (() => void) => {
    open++;
    return () => {
      open--;
      unsubscribe();
    };
  };
  return {
    open: () => open,
    watched: {
      ...sync,
      status: {
        get: () => sync.status.get(),
        subscribe: (listener) => counted(sync.status.subscribe(listener)),
      },
      subscribe: (collection, id, listener) => counted(sync.subscribe(collection, id, listener)),
      watchMutations: (listener) => counted(sync.watchMutations(listener)),
    },
  };
}

function workFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !done(); i++) await turn();
  expect(done()).toBe(true);
}
