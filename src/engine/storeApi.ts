import { createStore, type StoreApi } from 'zustand/vanilla';
import { setField } from '../domain/serialize.js';
import type { CollectionView, Table } from './table.js';

/**
 * The state of `client.store`. Every change makes a new state with a new view object for each changed collection;
 * rows keep their identity until they change. A view is a window on the present, not a copy (decision 0002).
 */
export interface StoreState {
  /** Counts the changes. */
  readonly revision: number;
  readonly collections: Readonly<Record<string, CollectionView>>;
}

/**
 * A Zustand store of what `tables` show. A state is made when somebody looks or listens: it names every collection, and
 * most changes are looked at through a row or a query only.
 */
export function createStoreApi(
  tables: ReadonlyMap<string, Table>,
  failed: (error: unknown) => void,
): { readonly api: StoreApi<StoreState>; readonly changed: () => void } {
  let revision = 0;
  let listening = 0;
  function present(): StoreState {
    const collections: Record<string, CollectionView> = {};
    for (const [name, { view }] of tables) setField(collections, name, view);
    return { revision, collections };
  }
  const api = createStore(present);
  const { getState, subscribe } = api;
  api.getState = () => {
    if (getState().revision !== revision) api.setState(present());
    return getState();
  };
  api.subscribe = (listener) => {
    api.getState(); // what it is told of as the former state is the one before its change
    listening++;
    // Zustand stops at the first listener that throws; here it would stop the mutation, too (OS3).
    const leave = subscribe((state, former) => {
      try {
        listener(state, former);
      } catch (error) {
        failed(error);
      }
    });
    let isThere = true;
    return () => {
      if (isThere) listening--;
      isThere = false;
      leave();
    };
  };
  return {
    api,
    changed() {
      revision++;
      if (listening > 0) api.getState();
    },
  };
}
