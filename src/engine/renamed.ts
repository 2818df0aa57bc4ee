import { entityKey } from '../domain/entity.js';
import { renameInChange, renameInVariables, type AssignedId, type Ids } from '../domain/identity.js';
import type { MutationRecord } from '../domain/mutation.js';
import type { Books, Leaving } from './departures.js';
import type { PendingMutation } from './pendingMutation.js';

/**
 * The unsent mutations that carry an id which the server has just replaced, with records that carry the server's (ID1):
 * those that touch the row, and those that waited for its insert because they refer to it.
 */
export function renamed(
  { ledger, store, collections }: Books,
  ids: Ids,
  assigned: readonly AssignedId[],
  leaving: readonly Leaving[],
): ReadonlyMap<PendingMutation, MutationRecord> {
  const records = new Map<PendingMutation, MutationRecord>();
  if (assigned.length === 0) return records;
  const keys = assigned.map(({ collection, from }) => entityKey(collection, from));
  const lanes = new Map(assigned.map((a, i) => [keys[i], entityKey(a.collection, a.to)]));
  const affected = new Set([
    ...keys.flatMap((key) => store.pendingOn(key)),
    ...leaving.flatMap((l) => ledger.lanes.dependents(l.mutation.token)),
  ]);
  for (const { mutation } of leaving) affected.delete(mutation);
  for (const mutation of affected) {
    const { record, phase } = mutation;
    if (phase.kind !== 'queued' && phase.kind !== 'saving') continue;
    records.set(mutation, {
      ...record,
      rev: record.rev + 1,
      variables: renameInVariables(record.variables, ids),
      changes: record.changes.map((change) => renameInChange(change, ids, collections)),
      lanes: [...new Set(record.lanes.map((lane) => lanes.get(lane) ?? lane))],
    });
  }
  return records;
}
