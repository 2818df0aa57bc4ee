import { keyOf, type Change } from '../domain/changes.js';
import { isBuiltIn } from '../domain/definition.js';
import type { Version } from '../domain/entity.js';
import type { MutationRecord } from '../domain/mutation.js';
import type { PendingMutation } from './pendingMutation.js';

/** What mutations that met another's write are to do instead, on what the server has now. */
export interface Rebase {
  readonly changes: readonly Change[];
  /** What each change is based on. */
  readonly versions: readonly (Version | undefined)[];
  /** Nothing was given up or altered: what they mean is what they meant. */
  readonly asMeant: boolean;
}

/**
 * The records with which they go again, under new keys. Of several that went as one each keeps its own changes, if
 * nothing was altered; otherwise the first does it all, and the others have nothing left to do.
 */
export function rebase(
  members: readonly PendingMutation[],
  to: Rebase,
): ReadonlyMap<PendingMutation, MutationRecord> {
  const isApart = !to.asMeant || (members.length === 1 && !isMerged(members[0]));
  return new Map(
    (isApart ? members.slice(0, 1) : members).map((mutation) => [
      mutation,
      isApart ? whole(mutation.record, to) : onto(mutation.record, to),
    ]),
  );
}

/** What it was sent with may be gone: it answers for its own part only. */
const isMerged = (mutation: PendingMutation | undefined): boolean =>
  mutation?.phase.kind === 'sealed' && mutation.phase.sealed.members !== undefined;

/** A named mutation that is as it was meant is run again; a built-in one means its changes. */
function whole(record: MutationRecord, { changes, versions, asMeant }: Rebase): MutationRecord {
  const isFields = isBuiltIn(record.name);
  return {
    ...record,
    rev: record.rev + 1,
    changes,
    ...(isFields ? { versions } : !asMeant && { resolved: true }),
  };
}

function onto(record: MutationRecord, { changes, versions }: Rebase): MutationRecord {
  const known = new Map(changes.map((change, i) => [keyOf(change), versions[i]]));
  return {
    ...record,
    rev: record.rev + 1,
    ...(record.versions !== undefined && {
      versions: record.changes.map((change, i) => known.get(keyOf(change)) ?? record.versions?.[i]),
    }),
  };
}
