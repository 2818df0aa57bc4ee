// @tanstack/offline-transactions: its README and skill. createOfflineTransaction, waitForInit before the first one, the
// idempotencyKey passed on, NonRetriableError for what is refused. With the @tanstack/db it brings (0.8.7): a collection
// of the newest one does not notice its transactions (MissingUpdateHandlerError).
import { createCollection } from '../node_modules/@tanstack/offline-transactions/node_modules/@tanstack/db/dist/esm/index.js';
import { NonRetriableError, startOfflineExecutor } from '@tanstack/offline-transactions';
import { queryCollectionOptions } from 'query-db-collection-1.2';
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
  const executor = startOfflineExecutor({
    collections: { rows },
    mutationFns: {
      async changeRow({ transaction, idempotencyKey }) {
        try {
          await line.write(transaction.metadata.change, idempotencyKey);
        } catch (error) {
          throw error.status === 422 ? new NonRetriableError(error.message) : error;
        }
        void rows.utils.refetch(); // awaited, it never ends for a row that was not loaded before the reload
      },
    },
  });
  return {
    ready: executor.waitForInit(),
    row: () => rows.get('1'),
    change(change) {
      const offline = executor.createOfflineTransaction({
        mutationFnName: 'changeRow',
        autoCommit: false,
        metadata: { change },
      });
      offline.mutate(() => rows.update('1', (row) => void Object.assign(row, applied(row, change))));
      offline.commit().catch(() => undefined);
    },
    close() {
      subscription.unsubscribe();
      executor.dispose();
      queryClient.unmount();
    },
  };
}

export default [
  {
    name: 'TanStack offline-transactions',
    packages: [
      '@tanstack/offline-transactions',
      '@tanstack/offline-transactions/node_modules/@tanstack/db',
      'query-db-collection-1.2',
    ],
    docs: 'https://github.com/TanStack/db/tree/main/packages/offline-transactions',
    used: 'createOfflineTransaction, idempotencyKey, NonRetriableError',
    open,
  },
];
