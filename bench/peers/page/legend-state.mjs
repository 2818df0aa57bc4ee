// Legend-State 3 (beta): a list with partial updates, persisted to IndexedDB, with `retrySync`
// (https://legendapp.com/open-source/state/v3/sync/crud, …/sync/persist-sync), `waitForSet` while the network is down,
// and in React `For` with `optimized` off and rows that read their own observable (…/react/fine-grained-reactivity).
import { createElement } from 'react';
import { observable, syncState } from '@legendapp/state';
import { For, use$ } from '@legendapp/state/react';
import { observablePersistIndexedDB } from '@legendapp/state/persist-plugins/indexeddb';
import { syncedCrud } from '@legendapp/state/sync-plugins/crud';
import { until, watchStorage } from './waiting.mjs';

export default {
  id: 'legend-state',
  async open({ name, server, restart }) {
    const online$ = observable(false);
    let writing = 0;
    let refused = false;
    const rows$ = observable(
      syncedCrud({
        list: () => (restart ? new Promise(() => undefined) : server.list()),
        updatePartial: true,
        async update({ id, ...fields }, params) {
          writing++;
          try {
            const [row] = await server.write([{ id, fields }]);
            if (row !== undefined) return row;
          } finally {
            writing--;
          }
          refused = true;
          params.cancelRetry = true;
          const error = new Error('refused');
          params.onError(error, undefined, true);
          throw error;
        },
        onError: (_error, { revert }) => revert?.(),
        retry: { infinite: true },
        waitForSet: online$,
        persist: {
          name: 'tasks',
          plugin: observablePersistIndexedDB({ databaseName: name, version: 1, tableNames: ['tasks'] }),
          retrySync: true,
        },
      }),
    );
    rows$.get();
    const state$ = syncState(rows$);
    await until(() => state$.isPersistLoaded.peek() && (restart || state$.isLoaded.peek()), 0);
    const rows = () => rows$.peek() ?? {};
    const watched = watchStorage(name);
    return {
      edit(id, fields) {
        watched.edited(id, fields);
        rows$[id].assign(fields);
      },
      read: (id) => rows()[id],
      all: () => Object.values(rows()),
      stored: watched.stored,
      async drain() {
        const before = server.counts().requests;
        online$.set(true);
        await until(() => server.counts().requests > before && writing === 0, 1);
        const nothingPending = () => Object.keys(state$.getPendingChanges() ?? {}).length === 0;
        await until(() => writing === 0 && (refused || nothingPending()), 1); // what was refused stays pending
      },
      watch: (id, listener) => rows$[id].onChange(({ value }) => listener(value)),
      list: (Row) =>
        createElement(For, { each: rows$, item: ({ item$ }) => createElement(Item, { item$, Row }) }),
      close: () => undefined,
    };
  },
};

/** The library changes rows in place, so a memoised row needs a copy to see it. */
function Item({ item$, Row }) {
  return createElement(Row, { task: { ...use$(item$) } });
}
