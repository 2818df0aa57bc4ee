// redux-offline: its README. `offline(offlineConfig)` with all defaults; actions with effect, commit and rollback.
import { offline } from '@redux-offline/redux-offline';
import offlineConfig from '@redux-offline/redux-offline/lib/defaults/index.js';
import { createStore } from 'redux';
import { fetchOf } from '../lib/fetchOf.mjs';
import { applied, BASE } from '../server.mjs';

function reducer(state = { row: BASE }, { type, payload }) {
  if (type === 'CHANGE_ROW') return { ...state, row: applied(state.row, payload) };
  if (type === 'CHANGE_ROW_COMMIT') return { ...state, row: payload };
  return state; // CHANGE_ROW_ROLLBACK is for the app to write
}

function open(line) {
  globalThis.fetch = fetchOf(line);
  const store = createStore(reducer, offline(offlineConfig.default ?? offlineConfig));
  return {
    row: () => store.getState().row,
    change: (change) =>
      void store.dispatch({
        type: 'CHANGE_ROW',
        payload: change,
        meta: {
          offline: {
            effect: { url: '/rows/1', method: 'PATCH', json: change },
            commit: { type: 'CHANGE_ROW_COMMIT' },
            rollback: { type: 'CHANGE_ROW_ROLLBACK' },
          },
        },
      }),
  };
}

const byHand = 'the rollback is a reducer that the app writes';
export default [
  {
    name: 'redux-offline',
    packages: ['@redux-offline/redux-offline', 'redux'],
    docs: 'https://github.com/redux-offline/redux-offline#readme',
    used: 'offline(offlineConfig); effect, commit, rollback',
    without: { rollback: byHand, increment: byHand },
    open,
  },
];
