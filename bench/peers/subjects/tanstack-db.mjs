// TanStack DB: a query collection, and an optimistic action per kind of change whose mutationFn awaits the refetch, as
// https://tanstack.com/db/latest/docs/guides/mutations#creating-custom-actions has it. A handler that throws rolls back.
import { createCollection, createOptimisticAction } from '@tanstack/db';
import { queryCollectionOptions } from '@tanstack/query-db-collection';
import { QueryClient } from '@tanstack/query-core';
import { applied } from '../server.mjs';

function open(line) {
  const queryClient = new QueryClient();
  queryClient.mount(); // as QueryClientProvider does
  const rows = createCollection(
    queryCollectionOptions({
      queryKey: ['rows'],
      queryFn: async () => [await line.read()],
      queryClient,
      getKey: (row) => row.id,
    }),
  );
  const subscription = rows.subscribeChanges(() => undefined);
  const change = createOptimisticAction({
    onMutate: (change) => rows.update('1', (row) => void Object.assign(row, applied(row, change))),
    async mutationFn(change) {
      await line.write(change);
      await rows.utils.refetch();
    },
  });
  return {
    row: () => rows.get('1'),
    change: (what) => void change(what).isPersisted.promise.catch(() => undefined),
    close() {
      subscription.unsubscribe();
      queryClient.unmount();
    },
  };
}

const noQueue = 'no queue: see @tanstack/offline-transactions';
export default [
  {
    name: 'TanStack DB',
    packages: ['@tanstack/db', '@tanstack/query-db-collection', '@tanstack/query-core'],
    docs: 'https://tanstack.com/db/latest/docs/guides/mutations',
    used: 'createOptimisticAction on a query collection',
    without: { reload: noQueue, retry: noQueue, effect: noQueue, batch: noQueue },
    open,
  },
];
