// Legend-State 3 (beta): https://legendapp.com/open-source/state/v3/sync/crud and …/sync/persist-sync, a list with
// partial updates, `persist` with `retrySync`, `retry: { infinite: true }`; what is refused is not retried, and reverted in onError.
import { observable } from '@legendapp/state';
import { ObservablePersistLocalStorage } from '@legendapp/state/persist-plugins/local-storage';
import { syncedCrud } from '@legendapp/state/sync-plugins/crud';

function open(line) {
  const rows$ = observable(
    syncedCrud({
      list: async () => [await line.read()],
      updatePartial: true,
      async update({ id: _id, ...fields }, params) {
        try {
          return await line.write(fields);
        } catch (error) {
          if (error.status === 422) {
            params.cancelRetry = true;
            params.onError(error, undefined, true);
          }
          throw error;
        }
      },
      onError: (_error, { revert }) => revert?.(),
      retry: { infinite: true },
      // A class of its own per process: the library keeps one instance, with all it read, per class.
      persist: { name: 'rows', plugin: class extends ObservablePersistLocalStorage {}, retrySync: true },
    }),
  );
  rows$.get();
  return { row: () => rows$.peek()?.[1], change: (change) => void rows$[1].assign(change) };
}

const values = 'syncs values: n + 1 cannot be said';
export default [
  {
    name: 'Legend-State',
    packages: ['@legendapp/state'],
    docs: 'https://legendapp.com/open-source/state/v3/sync/persist-sync/',
    used: 'syncedCrud with updatePartial, retrySync, retry, revert in onError',
    without: { increment: values, effect: values },
    open,
  },
];
