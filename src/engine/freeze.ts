import { applyChange, keyOf, type Change } from '../domain/changes.js';
import { withoutUnchanged } from '../domain/coalesce.js';
import type { EntityKey, Row } from '../domain/entity.js';
import { restoreError, SyncError } from '../domain/errors.js';
import { createMerge, type Merge } from '../domain/merge.js';
import { readsDone } from '../domain/fullRead.js';
import type { Sealed, Token } from '../domain/mutation.js';
import type { ReadRow } from '../domain/transaction.js';
import { below } from './below.js';
import { dependencyError, refusedBefore } from './dependents.js';
import type { Ledger } from './ledger.js';
import { lineageOf, sealedAs } from './lineage.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Transport } from './ports.js';
import type { Along, Frozen, Group } from './seal.js';
import type { Decision } from './settle.js';
import type { Store } from './store.js';

export interface Outgoing {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly transport: Transport | undefined;
  /** Milliseconds since the epoch. */
  readonly sealedAt: number;
  /** Names what several mutations are sent as. */
  readonly createId: () => string;
  /** Told of a mutation that can never be sent. */
  readonly unsendable: (mutation: PendingMutation, error: SyncError) => void;
  /** Told of a `coalesce` that failed: what it was to merge goes one by one. */
  readonly failed: (error: SyncError) => void;
}

/** What `members` send, now and at every retry (OB5): one mutation by itself, or several merged into one (CO2). */
export function freeze(
  members: readonly PendingMutation[],
  group: Group,
  along: Along,
  outgoing: Outgoing,
): Frozen {
  const [first] = members as [PendingMutation, ...PendingMutation[]];
  const cause = refusedCause(first, outgoing);
  if (cause !== undefined) return refuse(first, cause, outgoing);
  const merge = mergeOf(members, group, outgoing);
  const changes = changesOf(merge, first, outgoing.store);
  const { kind } = merge.content;
  if (kind === 'annulled' || (kind === 'changes' && changes.length === 0))
    return { kind: 'annulled', members: merge.members };
  const sealed = seal(merge, first, changes, along, outgoing);
  if (!(sealed instanceof SyncError)) return { kind: 'sealed', members: merge.members, sealed };
  if (merge.members.length === 1) return refuse(first, sealed, outgoing);
  // Together they cannot be sent; by themselves some can.
  for (const mutation of merge.members) mutation.single = true;
  return { kind: 'left', members: [] };
}

/** As it was chosen, where all of it still may go as it was then; what is left of it otherwise. */
function mergeOf(
  members: readonly PendingMutation[],
  group: Group,
  outgoing: Outgoing,
): Merge<PendingMutation> {
  const [first] = members as [PendingMutation, ...PendingMutation[]];
  const goes = (next: PendingMutation): boolean =>
    next === first || refusedCause(next, outgoing) === undefined;
  const isWhole =
    members.length === group.members.length && members.every((m) => goes(m) && (m === first || !m.apart));
  if (isMerge(group) && isWhole) return group;
  const merge = createMerge(first, outgoing.failed);
  for (const next of members.slice(1)) if (!goes(next) || !merge.join(next)) break;
  return merge;
}

const isMerge = (group: Group): group is Merge<PendingMutation> => 'content' in group;

function refuse(mutation: PendingMutation, error: SyncError, { unsendable }: Outgoing): Frozen {
  unsendable(mutation, error);
  return { kind: 'left', members: [] };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function seal(
  { members, content }: Merge<PendingMutation>,
  first: PendingMutation,
  changes: readonly Change[],
  along: Along,
  outgoing: Outgoing,
): Sealed | SyncError {
  const { store, transport, sealedAt, createId } = outgoing;
  const { record, definition } = first;
  const { versions, follows } = lineageOf(changes, first, along, outgoing);
  const isOne = members.length === 1;
  const sealed: Writable<Sealed> = {
    token: isOne ? record.token : createId(),
    rev: isOne ? record.rev : 0,
    changes,
    versions,
    sealedAt,
    reads: readsDone(outgoing.ledger.read),
  };
  if (!isOne) sealed.members = members.map((m) => m.token);
  if (content.kind === 'variables') sealed.merged = { schema: record.schema, variables: content.variables };
  if (definition?.mutationFn !== undefined || transport === undefined) return sealed;
  const after = prerequisites(members, along, outgoing);
  try {
    sealed.body = transport.encode({
      token: sealed.token,
      rev: sealed.rev,
      changes,
      versions,
      // Only who takes whole rows pays for them.
      get rows() {
        return rowsAfter(changes, below(first, store));
      },
      command: isCommand(first)
        ? { name: record.name, args: sealed.merged ? sealed.merged.variables : record.variables }
        : undefined,
      after,
      follows: isCommand(first) ? [] : follows.filter((token) => !after.includes(token)),
    });
    return sealed;
  } catch (cause) {
    return cause instanceof SyncError
      ? cause
      : new SyncError('NOT_SERIALIZABLE', `"${record.name}" could not be encoded for sending.`, { cause });
  }
}

function changesOf(
  { members, content }: Merge<PendingMutation>,
  first: PendingMutation,
  store: Store,
): readonly Change[] {
  switch (content.kind) {
    case 'single':
      return first.effect.changes;
    case 'annulled':
      return [];
    case 'variables':
      return first.run?.(content.variables, below(first, store), first.effect).changes ?? [];
    case 'changes': {
      const [change] = content.changes;
      const key = change && keyOf(change);
      // Only what stands on the base itself can be back at its value: what goes before may be refused.
      return members.length > 1 && key !== undefined && store.pendingOn(key)[0] === first
        ? withoutUnchanged(content.changes, store.base(key)?.row)
        : content.changes;
    }
  }
}

const isCommand = ({ definition }: PendingMutation): boolean => definition?.command === true;

/** The rows as `changes` leave them, for a server that takes whole rows. */
function rowsAfter(changes: readonly Change[], read: ReadRow): readonly (Row | undefined)[] {
  const rows = new Map<string, Row | undefined>();
  return changes.map((change) => {
    const key = keyOf(change);
    const row = applyChange(rows.has(key) ? rows.get(key) : read(change), change);
    rows.set(key, row);
    return row;
  });
}

/** Why it must never be sent: what it builds on was refused, perhaps while another tab queued it (SC4). */
function refusedCause(mutation: PendingMutation, outgoing: Outgoing): SyncError | undefined {
  if (outgoing.ledger.deadLetters.size === 0) return undefined;
  const letter = refusedBefore(mutation, outgoing);
  return letter && dependencyError(mutation, letter.record.name, letter.token, restoreError(letter.error));
}

/** The decisions on what still cannot be sent: what it builds on may have been tried again meanwhile (RT7). */
export function neverSent(
  reasons: ReadonlyMap<PendingMutation, SyncError>,
  outgoing: Outgoing,
): readonly Decision[] {
  return [...reasons].flatMap(([mutation, reason]): readonly Decision[] => {
    const error = reason.code === 'DEPENDENCY' ? refusedCause(mutation, outgoing) : reason;
    if (error === undefined) return [];
    return [{ kind: 'refused', members: [mutation], key: undefined, error, unanswered: false, rows: [] }];
  });
}

/**
 * The tokens under which what it needs travels with it, or was sent and is undecided: the inserts of the rows it
 * changes, and what it says it depends on. A server answers 424 when one was not accepted.
 */
function prerequisites(
  members: readonly PendingMutation[],
  along: Along,
  { ledger, store }: Outgoing,
): readonly Token[] {
  const needed = new Set<PendingMutation>();
  const known = new Set<EntityKey>();
  let last: Change | undefined;
  members.forEach((mutation) => {
    mutation.dependsOn.forEach((token) => {
      const other = ledger.pending.get(token);
      if (other !== undefined) needed.add(other);
    });
    mutation.effect.changes.forEach((change) => {
      if (change.id === last?.id && change.collection === last.collection) return; // mostly all are of one row
      last = change;
      const key = keyOf(change);
      // Members follow one another: what comes before the first that changes a row comes before them all.
      if (known.has(key)) return;
      known.add(key);
      for (const earlier of store.pendingOn(key)) {
        if (earlier === mutation) break;
        if (sends(earlier).some((one) => one.kind === 'insert' && keyOf(one) === key)) needed.add(earlier);
      }
    });
  });
  members.forEach((mutation) => needed.delete(mutation));
  // What went by a function of its own was decided before this could go.
  return [...new Set([...needed].flatMap((other) => sealedAs(other, along)?.token ?? []))];
}

/** All that goes with it: of a merge that inserts the row, the insert itself may have left (RT6). */
const sends = ({ phase, effect }: PendingMutation): readonly Change[] =>
  phase.kind === 'sealed' ? phase.sealed.changes : effect.changes;
