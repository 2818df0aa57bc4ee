// TanStack Query: the recipe of its guide, one query and one mutation with a default function (so that it can go on
// after a reload), retried as the mutations guide shows, and `persistQueryClient`.
import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { createAsyncStoragePersister } from '@tanstack/query-async-storage-persister';
import { persistQueryClient } from '@tanstack/query-persist-client-core';
import { applied } from '../server.mjs';

const queryKey = ['rows', '1'];
const mutationKey = ['changeRow'];

function open(line) {
  const client = new QueryClient({ defaultOptions: { queries: { gcTime: Infinity } } });
  // https://tanstack.com/query/latest/docs/framework/react/guides/optimistic-updates: cancel, snapshot, set;
  // "If the mutation fails, use the result returned from onMutate to roll back"; "Always refetch after error or success".
  client.setMutationDefaults(mutationKey, {
    mutationFn: (change) => line.write(change),
    onMutate: async (change) => {
      await client.cancelQueries({ queryKey });
      const before = client.getQueryData(queryKey);
      client.setQueryData(queryKey, (row) => applied(row, change));
      return { before };
    },
    onError: (_error, _change, context) => client.setQueryData(queryKey, context.before),
    onSettled: () => client.invalidateQueries({ queryKey }),
    // …/guides/mutations#retry; a refusal is not retried.
    retry: (failures, error) => error.status !== 422 && failures < 3,
  });
  client.mount();
  // …/guides/mutations#persist-mutations and …/plugins/persistQueryClient
  const storage = {
    getItem: async (key) => localStorage.getItem(key),
    setItem: async (key, value) => localStorage.setItem(key, value),
    removeItem: async (key) => localStorage.removeItem(key),
  };
  const [stop, restored] = persistQueryClient({ queryClient: client, persister: createAsyncStoragePersister({ storage }) }); // prettier-ignore
  let unsubscribe;
  const ready = restored.then(() => {
    // Before the query: its refetch must not show the row without the changes that are to be resumed.
    void client.resumePausedMutations().then(() => client.invalidateQueries());
    unsubscribe = new QueryObserver(client, { queryKey, queryFn: () => line.read() }).subscribe(
      () => undefined,
    );
  });
  return {
    ready,
    row: () => client.getQueryData(queryKey),
    change(change) {
      const mutation = client
        .getMutationCache()
        .build(client, client.defaultMutationOptions({ mutationKey }));
      mutation.execute(change).catch(() => undefined);
    },
    close() {
      stop();
      unsubscribe?.();
      client.unmount();
    },
  };
}

export default [
  {
    name: 'TanStack Query',
    packages: ['@tanstack/react-query', '@tanstack/query-persist-client-core', '@tanstack/query-async-storage-persister'], // prettier-ignore
    docs: 'https://tanstack.com/query/latest/docs/framework/react/guides/optimistic-updates',
    used: 'onMutate, onError, onSettled; retry: 3; persistQueryClient',
    open,
  },
];
