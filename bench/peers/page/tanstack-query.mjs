// TanStack Query, persisted: the optimistic update through the cache with cancel, snapshot, set, roll back and invalidate
// (https://tanstack.com/query/latest/docs/framework/react/guides/optimistic-updates#updating-a-list-of-todos-when-adding-a-new-todo),
// default mutation functions so that paused mutations can go on (…/guides/mutations#persist-mutations), and an IndexedDB
// persister (…/plugins/persistQueryClient#building-a-persister, …/plugins/createAsyncStoragePersister).
import { createElement, useMemo } from 'react';
import {
  onlineManager,
  QueryClient,
  QueryClientProvider,
  QueryObserver,
  useQuery,
} from '@tanstack/react-query';
import { createAsyncStoragePersister } from '@tanstack/query-async-storage-persister';
import { persistQueryClient } from '@tanstack/query-persist-client-core';
import { until, watchStorage } from './waiting.mjs';

const queryKey = ['tasks'];
const mutationKey = ['updateTask'];

export default {
  id: 'tanstack-query',
  async open({ name, server, restart }) {
    const queryFn = () => server.list();
    const client = new QueryClient({
      defaultOptions: { queries: { gcTime: Infinity, staleTime: Infinity } },
    });
    onlineManager.setOnline(!restart);
    client.setMutationDefaults(mutationKey, {
      retry: (failures, error) => error.status !== 422 && failures < 3,
      async mutationFn({ id, fields }) {
        const [row] = await server.write([{ id, fields }]);
        if (row === undefined) throw Object.assign(new Error('refused'), { status: 422 });
        return row;
      },
      async onMutate({ id, fields, shown }) {
        await client.cancelQueries({ queryKey });
        const before = client.getQueryData(queryKey);
        client.setQueryData(queryKey, (rows) =>
          rows.map((row) => (row.id === id ? { ...row, ...fields } : row)),
        );
        shown?.();
        return { before };
      },
      onError: (_error, _change, context) => client.setQueryData(queryKey, context.before),
      onSettled: () => client.invalidateQueries({ queryKey }),
    });
    const storage = await openStorage(name);
    const [stop, restored] = persistQueryClient({
      queryClient: client,
      persister: createAsyncStoragePersister({ storage }),
    });
    await restored;
    client.mount();
    if (!restart) await client.fetchQuery({ queryKey, queryFn });
    onlineManager.setOnline(false);
    const observer = new QueryObserver(client, { queryKey, queryFn });
    const unobserve = observer.subscribe(() => undefined);
    const rows = () => client.getQueryData(queryKey) ?? [];
    const watched = watchStorage(name);
    return {
      edit: (id, fields) => {
        watched.edited(id, fields);
        return new Promise((shown) => {
          const mutation = client
            .getMutationCache()
            .build(client, client.defaultMutationOptions({ mutationKey }));
          mutation.execute({ id, fields, shown: withoutClone(shown) }).catch(() => undefined);
        });
      },
      read: (id) => rows().find((row) => row.id === id),
      all: rows,
      stored: watched.stored,
      async drain() {
        onlineManager.setOnline(true); // mount() resumes what is paused
        await until(() => client.isMutating() === 0 && client.isFetching() === 0);
      },
      watch: (id, listener) => observer.subscribe(({ data }) => listener(data?.find((row) => row.id === id))),
      list: (Row) => createElement(QueryClientProvider, { client }, createElement(List, { queryFn, Row })),
      close() {
        stop();
        unobserve();
        client.unmount();
        storage.close();
      },
    };
  },
};

/** Not part of the variables that are stored. */
const withoutClone = (shown) => Object.assign(shown, { toJSON: () => undefined });

function List({ queryFn, Row }) {
  const { data } = useQuery({ queryKey, queryFn });
  return useMemo(() => data?.map((task) => createElement(Row, { key: task.id, task })), [data, Row]);
}

async function openStorage(name) {
  const db = await new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore('cache');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const ask = (mode, work) =>
    new Promise((resolve, reject) => {
      const transaction = db.transaction('cache', mode);
      const request = work(transaction.objectStore('cache'));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  return {
    getItem: (key) => ask('readonly', (store) => store.get(key)),
    setItem: (key, value) => ask('readwrite', (store) => store.put(value, key)),
    removeItem: (key) => ask('readwrite', (store) => store.delete(key)),
    close: () => db.close(),
  };
}
