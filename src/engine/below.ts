import { applyChange, keyOf } from '../domain/changes.js';
import type { ReadRow } from '../domain/transaction.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Store } from './store.js';

/** The view as it is before `mutation`. */
export function below(mutation: PendingMutation, store: Store): ReadRow {
  return (of) => {
    const key = keyOf(of);
    let row = store.base(key)?.row;
    for (const earlier of store.pendingOn(key)) {
      if (earlier === mutation) break;
      for (const change of earlier.effect.changes) if (keyOf(change) === key) row = applyChange(row, change);
    }
    return row;
  };
}
