import type { Change } from '../domain/changes.js';
import type { AnyCollection } from '../domain/collection.js';
import { SyncError } from '../domain/errors.js';
import { setField } from '../domain/serialize.js';
import type { Transaction } from '../domain/transaction.js';

/** Carries out a recorded change anew, on the rows as they are now. */
export function applyInTransaction(
  tx: Transaction,
  change: Change,
  collections: ReadonlyMap<string, AnyCollection>,
): void {
  const collection = collections.get(change.collection);
  if (collection === undefined)
    throw new SyncError('UNKNOWN_COLLECTION', `"${change.collection}" is not a collection of this client.`);
  switch (change.kind) {
    case 'insert':
      tx.insert(collection, change.row);
      return;
    case 'update': {
      const fields: Record<string, unknown> = { ...change.patch };
      for (const field of change.unset) setField(fields, field, undefined);
      tx.update(collection, change.id, fields);
      return;
    }
    case 'delete':
      tx.delete(collection, change.id);
      return;
  }
}
