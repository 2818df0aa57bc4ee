// RTK Query: https://redux-toolkit.js.org/rtk-query/usage/manual-cache-updates#optimistic-updates, updateQueryData in
// onQueryStarted and undo when it fails; tags, so that what it got wrong is read again; `retry` around the base query.
import { configureStore } from '@reduxjs/toolkit';
import { createApi, retry, setupListeners } from '@reduxjs/toolkit/query';
import { applied } from '../server.mjs';

function open(line) {
  const baseQuery = async (change) => {
    try {
      return { data: await (change === undefined ? line.read() : line.write(change)) };
    } catch (error) {
      const failure = { status: error.status ?? 'FETCH_ERROR', error: error.message };
      if (error.status === 422) retry.fail(failure); // a refusal is not retried
      return { error: failure };
    }
  };
  const api = createApi({
    tagTypes: ['Row'],
    baseQuery: retry(baseQuery, { maxRetries: 5 }),
    endpoints: (build) => ({
      row: build.query({ query: () => undefined, providesTags: ['Row'] }),
      change: build.mutation({
        query: (change) => change,
        invalidatesTags: ['Row'],
        async onQueryStarted(change, { dispatch, queryFulfilled }) {
          const patch = dispatch(
            api.util.updateQueryData(
              'row',
              undefined,
              (row) => void Object.assign(row, applied(row, change)),
            ),
          );
          try {
            await queryFulfilled;
          } catch {
            patch.undo();
          }
        },
      }),
    }),
  });
  const store = configureStore({
    reducer: { [api.reducerPath]: api.reducer },
    middleware: (defaults) => defaults().concat(api.middleware),
  });
  const ignore = setupListeners(store.dispatch);
  const subscription = store.dispatch(api.endpoints.row.initiate());
  return {
    row: () => api.endpoints.row.select()(store.getState()).data,
    change: (change) => void store.dispatch(api.endpoints.change.initiate(change)),
    close() {
      subscription.unsubscribe();
      ignore();
    },
  };
}

const noQueue = 'no queue: what fails after its retries is undone and forgotten';
export default [
  {
    name: 'RTK Query',
    packages: ['@reduxjs/toolkit'],
    docs: 'https://redux-toolkit.js.org/rtk-query/usage/manual-cache-updates#optimistic-updates',
    used: 'updateQueryData and undo; invalidatesTags; retry, 5 times',
    without: { reload: noQueue, batch: noQueue },
    open,
  },
];
