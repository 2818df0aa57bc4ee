import { createElement, useMemo, type ReactNode } from 'react';
import {
  createSyncClient,
  SyncProvider,
  useEntities,
  type AnyDefinition,
  type SyncClient,
} from '../../src/index.js';
import type { Server } from './server.js';
import type { App, Opening, RowComponent, Subject } from './subject.js';
import { rename, tasks, type Task } from './tasks.js';

/** How an edit is called. */
type Way = 'fields' | 'recipe' | 'named';

export function holdfast(way: Way): Subject {
  return {
    id: `holdfast-${way}`,
    leavesNothing: true,
    repeatable: true,
    async open(options) {
      const client = await openClient(options);
      const edited: Promise<void>[] = [];
      return {
        edit(id, fields) {
          edited.push(edit(client, way, id, fields).enqueued);
          return undefined;
        },
        stored: () => Promise.all(edited.splice(0)),
        ...reading(client),
        drain() {
          client.resume();
          return client.flush();
        },
        close: () => client.dispose(),
      };
    },
  };
}

/** With the rows of the server or what an earlier one has left, and paused. */
export async function openClient(
  { name, server, restart = false }: Omit<Opening, 'server'> & { readonly server: Pick<Server, 'transport'> },
  mutations: readonly AnyDefinition[] = [rename],
): Promise<SyncClient> {
  const client = createSyncClient({
    name,
    collections: [tasks],
    mutations,
    transport: server.transport,
  });
  if (restart) client.pause();
  await client.ready;
  if (restart) return client;
  await pull(client);
  client.pause();
  return client;
}

/** On a busy machine the lease comes after `sync` has stopped waiting for it; then nothing was pulled. */
async function pull(client: SyncClient): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { pulled } = await client.sync({ direction: 'pull' });
    if (pulled?.kind === 'failed') throw pulled.error;
    if (pulled !== undefined) return;
  }
  throw new Error('bench: nothing was pulled');
}

function edit(client: SyncClient, way: Way, id: string, fields: Partial<Task>) {
  switch (way) {
    case 'fields':
      return client.update(tasks, id, fields);
    case 'recipe':
      return client.update(tasks, id, (draft) => void Object.assign(draft, fields));
    case 'named':
      return client.mutate(rename, { id, title: fields.title! });
  }
}

function reading(client: SyncClient): Pick<App, 'read' | 'all' | 'watch' | 'list' | 'live'> {
  return {
    read: (id) => client.get(tasks, id),
    all: () => client.query(tasks),
    watch: (id, listener) => client.subscribe(tasks, id, () => listener(client.get(tasks, id))),
    list: (Row) => createElement(SyncProvider, { client, children: createElement(List, { Row }) }),
    live() {
      const close = client.subscribe(tasks, undefined, () => undefined);
      return {
        read: () => client.query(tasks, { where: { done: false }, orderBy: 'position', limit: 50 }),
        close,
      };
    },
  };
}

function List({ Row }: { readonly Row: RowComponent }): ReactNode {
  const rows = useEntities(tasks);
  return useMemo(() => rows.map((task) => createElement(Row, { key: task.id, task })), [rows, Row]);
}
