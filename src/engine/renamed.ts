import type { Change } from '../domain/changes.js';
import type { AnyCollection } from '../domain/collection.js';
import { entityKey, splitKey } from '../domain/entity.js';
import { renameInChange, renameInVariables, type AssignedId, type Ids } from '../domain/identity.js';
import type { MutationRecord, Token } from '../domain/mutation.js';
import type { Books, Leaving } from './departures.js';
import type { PendingMutation } from './pendingMutation.js';

/** The record as it reads with the server's ids (ID1); the same one, when it carries none that was replaced. */
export function renameRecord(
  record: MutationRecord,
  ids: Ids,
  collections: ReadonlyMap<string, AnyCollection>,
): MutationRecord {
  if (ids.size === 0) return record;
  const changes = record.changes.map((change) => renameInChange(change, ids, collections));
  const variables = renameInVariables(record.variables, ids);
  const lanes = record.lanes.map((lane) => {
    const { collection, id } = splitKey(lane);
    return collections.has(collection) ? entityKey(collection, ids.resolve(collection, id)) : lane;
  });
  const isSame =
    variables === record.variables &&
    lanes.every((lane, i) => lane === record.lanes[i]) &&
    changes.every((change, i) => saysTheSame(change, record.changes[i]));
  return isSame ? record : { ...record, variables, changes, lanes: [...new Set(lanes)] };
}

/** Rows are copied only where an id in them was replaced. */
function saysTheSame(a: Change, b: Change | undefined): boolean {
  if (a.id !== b?.id) return false;
  if (a.kind === 'insert') return b.kind === 'insert' && a.row === b.row;
  return (
    b.kind !== 'insert' &&
    a.previous === b.previous &&
    (a.kind === 'delete' || (b.kind === 'update' && a.patch === b.patch))
  );
}

/**
 * Those that touch a row which the server has named, and those that waited for its insert because they refer to it: one
 * of `leaving`, or of the dead letters that were accepted after all.
 */
export function concernedBy(
  { ledger, store }: Pick<Books, 'ledger' | 'store'>,
  assigned: readonly AssignedId[],
  leaving: readonly Leaving[],
  letters: readonly Token[] = [],
): ReadonlySet<PendingMutation> {
  if (assigned.length === 0) return new Set();
  const keys = assigned.map(({ collection, from }) => entityKey(collection, from));
  const hidden = [...ledger.cancelling].flatMap((token) => ledger.pending.get(token) ?? []);
  const concerned = new Set([
    ...keys.flatMap((key) => store.pendingOn(key)),
    ...hidden.filter((m) => m.lanes.some((lane) => keys.includes(lane))),
    ...[...leaving.map((l) => l.mutation.token), ...letters].flatMap((t) => ledger.lanes.dependents(t)),
  ]);
  for (const { mutation } of leaving) concerned.delete(mutation);
  return concerned;
}

/** The stored, unsent mutations that carry an id which the server has just replaced, with records that carry its own. */
export function renamed(
  books: Books,
  ids: Ids,
  assigned: readonly AssignedId[],
  leaving: readonly Leaving[],
  letters: readonly Token[],
): ReadonlyMap<PendingMutation, MutationRecord> {
  const records = new Map<PendingMutation, MutationRecord>();
  for (const mutation of concernedBy(books, assigned, leaving, letters))
    if (mutation.phase.kind === 'queued') {
      const record = renameRecord(mutation.record, ids, books.collections);
      records.set(mutation, { ...record, rev: record.rev + 1 });
    }
  return records;
}
