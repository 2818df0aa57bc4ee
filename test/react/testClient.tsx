import { act, render, renderHook, type RenderHookResult, type RenderResult } from '@testing-library/react';
import type { ReactNode } from 'react';
import { corePlatform } from '../../src/adapters/corePlatform.js';
import type { SyncClient } from '../../src/engine/client.js';
import { createSyncClient } from '../../src/engine/createSyncClient.js';
import type { SyncClientOptions } from '../../src/engine/options.js';
import { SyncProvider } from '../../src/react/SyncProvider.js';
import { createFaultyTransport, type FaultyTransport } from '../../src/testing/faultyTransport.js';
import { createScriptedServer, type ScriptedServer } from '../../src/testing/scriptedServer.js';
import { createSimulatedClock, type SimulatedClock } from '../../src/testing/simulatedClock.js';
import { switchableConnectivity } from '../../src/testing/switchableConnectivity.js';
import { proposeTitle, renameTodo, todos, type Todo } from './todos.js';

export interface TestClient {
  readonly sync: SyncClient;
  readonly server: ScriptedServer;
  readonly network: FaultyTransport;
  readonly clock: SimulatedClock;
  /** The platform says so, and the line is cut or joined. */
  setOnline(online: boolean): Promise<void>;
  /** Lets time pass; with 0, lets everything happen that needs none. */
  advance(ms: number): Promise<void>;
  render(ui: ReactNode): RenderResult;
  renderHook<T>(use: () => T): RenderHookResult<T, unknown>;
}

const created: SyncClient[] = [];

/** A client that is ready, with `rows` from the server, whose time and network the test decides. */
export async function createTestClient(
  rows: readonly Todo[] = [],
  options: Partial<SyncClientOptions> = {},
): Promise<TestClient> {
  const clock = createSimulatedClock();
  const server = createScriptedServer();
  const network = createFaultyTransport({ transport: server, clock });
  const connectivity = switchableConnectivity();
  for (const row of rows) server.put('todos', row.id, { ...row });
  let tokens = 0;
  const sync = createSyncClient(
    {
      name: 'test',
      collections: [todos],
      transport: network,
      ...options,
      // Nobody else comes back with it, unless a test says so (RT5).
      retry: { spreadMs: 0, ...options.retry },
      mutations: [renameTodo, proposeTitle, ...(options.mutations ?? [])],
    },
    {
      ...corePlatform(),
      clock,
      connectivity: () => connectivity,
      random: () => 0.5,
      createId: () => `token-${++tokens}`,
    },
  );
  created.push(sync);
  const wrapper = ({ children }: { children: ReactNode }): ReactNode => (
    <SyncProvider client={sync}>{children}</SyncProvider>
  );
  const advance = (ms: number): Promise<void> => act(() => clock.advance(ms));
  await sync.ready;
  await clock.advance(0);
  return {
    sync,
    server,
    network,
    clock,
    advance,
    async setOnline(online) {
      if (online) network.reconnect();
      else network.disconnect();
      act(() => connectivity.setOnline(online));
      await advance(0);
    },
    render: (ui) => render(ui, { wrapper }),
    renderHook: (use) => renderHook(use, { wrapper }),
  };
}

export async function disposeClients(): Promise<void> {
  await Promise.all(created.splice(0).map((sync) => sync.dispose()));
}
