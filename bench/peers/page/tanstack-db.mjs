// TanStack DB with offline-transactions: a query collection, an executor with a `mutationFn`, and for each edit an offline
// action, as https://tanstack.com/db/latest/docs/guides/offline-transactions has it; what the server answers is written
// into the collection (`utils.writeUpdate`) rather than all of it read again, as the query collection's guide recommends.
// https://tanstack.com/db/latest/docs/framework/react/overview: useLiveQuery.
import { createElement, useMemo } from 'react';
import { createCollection, createLiveQueryCollection, eq } from '@tanstack/db';
import { useLiveQuery } from '@tanstack/react-db';
import { IndexedDBAdapter, NonRetriableError, startOfflineExecutor } from '@tanstack/offline-transactions';
import { queryCollectionOptions } from 'query-db-collection-1.2';
import { QueryClient } from '@tanstack/query-core';
import { until } from './waiting.mjs';

export default {
  id: 'tanstack-db',
  async open({ name, server }) {
    const queryClient = new QueryClient();
    queryClient.mount();
    const rows = createCollection(
      queryCollectionOptions({
        id: 'tasks',
        queryKey: ['tasks'],
        queryFn: () => server.list(),
        queryClient,
        getKey: (row) => row.id,
        staleTime: Infinity,
      }),
    );
    await rows.preload();
    let online = false;
    const listeners = new Set();
    const storage = new IndexedDBAdapter(name, 'transactions');
    let storing = 0;
    const write = storage.set.bind(storage);
    storage.set = async (...args) => {
      storing++;
      await write(...args).finally(() => storing--);
    };
    const executor = startOfflineExecutor({
      collections: { tasks: rows },
      storage,
      onlineDetector: {
        subscribe: (listener) => (listeners.add(listener), () => listeners.delete(listener)),
        notifyOnline: () => listeners.forEach((listener) => listener()),
        isOnline: () => online,
        dispose: () => listeners.clear(),
      },
      mutationFns: {
        async updateTask({ transaction }) {
          const changes = transaction.mutations.map(({ key, changes: fields }) => ({ id: key, fields }));
          const answer = await server.write(changes);
          if (answer.includes(undefined)) throw new NonRetriableError('refused');
          rows.utils.writeUpdate(answer);
        },
      },
    });
    await executor.waitForInit();
    const updateTask = executor.createOfflineAction({
      mutationFnName: 'updateTask',
      onMutate: ({ id, fields }) => rows.update(id, (draft) => void Object.assign(draft, fields)),
    });
    let edits = 0;
    return {
      edit(id, fields) {
        edits++;
        const transaction = updateTask({ id, fields });
        transaction?.isPersisted?.promise.catch(() => undefined);
      },
      read: (id) => rows.get(id),
      all: () => [...rows.values()],
      stored: () => until(async () => storing === 0 && (await storage.keys()).length >= edits, 10),
      async drain() {
        online = true;
        listeners.forEach((listener) => listener());
        await until(async () => (await executor.peekOutbox()).length === 0);
        edits = 0;
      },
      watch(id, listener) {
        const subscription = rows.subscribeChanges(() => listener(rows.get(id)));
        return () => subscription.unsubscribe();
      },
      list: (Row) => createElement(List, { rows, Row }),
      live() {
        const query = createLiveQueryCollection((q) =>
          q
            .from({ task: rows })
            .where(({ task }) => eq(task.done, false))
            .orderBy(({ task }) => task.position)
            .limit(50),
        );
        query.startSyncImmediate();
        let seen = [];
        return {
          read() {
            const next = query.toArray;
            if (next.length !== seen.length || next.some((row, n) => row !== seen[n])) seen = next;
            return seen;
          },
          close: () => query.cleanup(),
        };
      },
      close() {
        executor.dispose();
        queryClient.unmount();
      },
    };
  },
};

function List({ rows, Row }) {
  const { data } = useLiveQuery((q) => q.from({ task: rows }), [rows]);
  return useMemo(() => data.map((task) => createElement(Row, { key: task.id, task })), [data, Row]);
}
