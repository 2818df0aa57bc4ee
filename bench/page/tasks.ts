import {
  createSyncClient,
  defineCollection,
  defineMutation,
  type SyncClient,
  type SyncClientOptions,
  type Transport,
} from '../../src/index.js';
import { check } from './workload.js';

export interface Task {
  readonly id: string;
  readonly title: string;
  readonly done: boolean;
  readonly position: number;
  readonly assignee: string;
  readonly note: string;
  readonly updatedAt: number;
}

export const tasks = defineCollection<Task>({ name: 'tasks', key: 'id' });

export const rename = defineMutation({
  name: 'rename',
  optimistic: (tx, v: { readonly id: string; readonly title: string }) =>
    tx.update(tasks, v.id, (draft) => {
      draft.title = v.title;
    }),
});

export const idOf = (n: number): string => `task-${n}`;
export const titleOf = (n: number): string => `Inspect the runway lights, edit ${n}`;

export const task = (n: number): Task => ({
  id: idOf(n),
  title: `Inspect the runway lights of section ${n}`,
  done: n % 3 === 0,
  position: n,
  assignee: `user-${n % 40}`,
  note: 'Seen twice this week; the cable of the last one is worn and has to be replaced before winter.',
  updatedAt: 1_700_000_000_000 + n,
});

/** A server that only tells rows: nothing is ever sent, so that what is queued stays queued. */
function readOnly(rows: number): Transport {
  return {
    ordered: true,
    limits: { maxBatch: 500, maxBytes: 1_000_000 },
    encode: () => '',
    push: () => new Promise(() => undefined),
    pull: ({ cursor }) => {
      const changes =
        cursor === undefined
          ? Array.from({ length: rows }, (_, n) => ({
              collection: tasks.name,
              id: idOf(n),
              row: { ...task(n) },
              version: 1,
              op: undefined,
            }))
          : [];
      return Promise.resolve({ kind: 'page', page: { changes, cursor: 'end', upToDate: true } });
    },
  };
}

/** A client on its own database with `rows` confirmed rows, which sends nothing. */
export async function clientWith(
  rows: number,
  options: Partial<SyncClientOptions> = {},
): Promise<SyncClient> {
  const client = createSyncClient({
    name: `bench-${crypto.randomUUID()}`,
    collections: [tasks],
    mutations: [rename],
    transport: readOnly(rows),
    ...options,
  });
  await client.ready;
  if (rows > 0) await pull(client);
  client.pause();
  check(rows === 0 || client.get(tasks, idOf(rows - 1)) !== undefined, `${rows} rows were not pulled`);
  return client;
}

/** On a busy machine the lease comes after `sync` has stopped waiting for it; then nothing was pulled. */
async function pull(client: SyncClient): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { pulled } = await client.sync({ direction: 'pull' });
    if (pulled?.kind === 'failed') throw pulled.error;
    if (pulled !== undefined) return;
  }
}

export async function remove(client: SyncClient): Promise<void> {
  await client.dispose();
  await deleteDatabase(`holdfast:${client.namespace}`);
}

export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error ?? new Error('deleteDatabase'));
  });
}
