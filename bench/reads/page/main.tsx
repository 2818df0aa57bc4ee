import Dexie from 'dexie';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { timed } from '../../page/host.js';
import {
  createSyncClient,
  defineCollection,
  httpTransport,
  SyncProvider,
  useEntities,
  useSyncStatus,
  webSocketChanges,
  type SyncClient,
} from '../../../src/index.js';

interface Task {
  readonly id: string;
  readonly title: string;
  readonly position: number;
}

const tasks = defineCollection<Task>({ name: 'tasks', key: 'id' });

interface Opening {
  readonly name: string;
  readonly realtime?: boolean;
  /** With a sorted list of all rows. */
  readonly list?: boolean;
  /** How much faster the client's clock goes. */
  readonly speed?: number;
}

interface Page {
  readonly entities: readonly { readonly type: string; readonly id: string; readonly data: unknown }[];
  readonly next: string | null;
}

const held = new Map<string, unknown>();
let client: SyncClient | undefined;
/** The bars that were shown, as `done/total`. */
const shown: string[] = [];

/** What an app shows meanwhile: how far it is, and a field to type into. */
function Progress(): ReactNode {
  const progress = useSyncStatus((status) => status.progress);
  if (progress !== undefined) shown.push(`${progress.done}/${progress.total}`);
  return (
    <main>
      <progress value={progress?.done ?? 0} max={progress?.total ?? 1} />
      <input aria-label="note" />
    </main>
  );
}

/** A list that is kept up to date meanwhile. */
function List(): ReactNode {
  const rows = useEntities(tasks, { orderBy: 'position', limit: 20 });
  return (
    <ul>
      {rows.map(({ id, title }) => (
        <li key={id} id={id}>
          {title}
        </li>
      ))}
    </ul>
  );
}

const reads = {
  /** Pages one after the other, put into a database as they come: the least there is to do. */
  async floor(name: string, limit: number): Promise<number> {
    const begun = performance.now();
    const database = new Dexie(name, { cache: 'disabled' });
    database.version(1).stores({ rows: 'key' });
    let rows = 0;
    for (let page = ''; ;) {
      const response = await fetch(`/sync/snapshot?limit=${limit}${page}`);
      const { entities, next } = (await response.json()) as Page;
      await database.table('rows').bulkPut(entities.map((row) => ({ ...row, key: `${row.type}/${row.id}` })));
      rows += entities.length;
      if (next === null) break;
      page = `&page=${encodeURIComponent(next)}`;
    }
    const ms = performance.now() - begun;
    if ((await database.table('rows').count()) !== rows) throw new Error('bench: rows are missing');
    database.close();
    return ms;
  },

  /** Opens the client and shows it. Resolves when it has all that the server has. */
  pull: ({ name, realtime = false, list = false, speed = 1 }: Opening): Promise<number> =>
    timed(async () => {
      client = createSyncClient({
        name,
        collections: [tasks],
        transport: httpTransport({ url: '/sync' }),
        ...(realtime && { realtime: webSocketChanges({ url: '/sync' }) }),
        ...(speed !== 1 && {
          timeoutMs: 30_000 * speed,
          clock: {
            now: () => Date.now(),
            monotonic: () => performance.now() * speed,
            sleep: (ms: number, signal?: AbortSignal) =>
              new Promise<void>((resolve) => {
                const timer = setTimeout(resolve, Math.min(ms / speed, 2 ** 31 - 1));
                const wake = (): void => {
                  clearTimeout(timer);
                  resolve();
                };
                if (signal?.aborted === true) wake();
                else signal?.addEventListener('abort', wake);
              }),
          },
        }),
      });
      const up = client;
      const done = new Promise<void>((resolve, reject) => {
        up.on('sync.completed', ({ direction }) => direction === 'pull' && resolve());
        up.on('sync.failed', ({ error }) => reject(error));
      });
      createRoot(document.getElementById('root')!).render(
        <SyncProvider client={up}>
          <Progress />
          {list && <List />}
        </SyncProvider>,
      );
      await done;
    }),

  /** Keeps every row, as it was parsed, where it can be read at once: what any store must hold. */
  async hold(limit: number): Promise<number> {
    const begun = performance.now();
    for (let page = ''; ;) {
      const response = await fetch(`/sync/snapshot?limit=${limit}${page}`);
      const { entities, next } = (await response.json()) as Page;
      for (const row of entities) held.set(row.id, row.data);
      if (next === null) break;
      page = `&page=${encodeURIComponent(next)}`;
    }
    return performance.now() - begun;
  },

  count: () => [...client!.store.getState().collections['tasks']!.entries()].length,
  /** The ids of the rows of the sorted list. */
  list: () => [...document.querySelectorAll('li')].map(({ id }) => id),
  shown: () => shown,
  sync: () => client!.sync({ direction: 'pull' }),
  full: () => client!.sync({ direction: 'pull', operation: 'full' }),

  /** Edits a row; the time of the call, on the clock that all pages share. */
  edit(id: string, title: string): number {
    const at = performance.timeOrigin + performance.now();
    client!.update(tasks, id, { title });
    return at;
  },

  /** The time when the row shows `title`. */
  seen: (id: string, title: string): Promise<number> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (client!.get(tasks, id)?.title !== title) return;
        stop();
        resolve(performance.timeOrigin + performance.now());
      };
      const stop = client!.subscribe(tasks, id, look);
    }),

  /** Milliseconds of a request that asks for nothing much, at the median. */
  async roundTrip(): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < 21; i++) {
      const begun = performance.now();
      await (await fetch('/sync/capabilities', { cache: 'no-store' })).json();
      times.push(performance.now() - begun);
    }
    return times.sort((a, b) => a - b)[10]!;
  },
};

Object.assign(globalThis, { reads, holdfastBench: reads });
