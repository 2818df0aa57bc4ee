import type { Run } from '../domain/lanes.js';
import type { Merge } from '../domain/merge.js';
import { idempotencyKey, type Sealed } from '../domain/mutation.js';
import { isCurrent } from './departures.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { SealRecord } from './ports.js';

/** Chosen to go out as one: a mutation, or several that were merged. */
export type Group = Run<PendingMutation> & Partial<Pick<Merge<PendingMutation>, 'content'>>;

/** What goes out under one key. */
export interface Op {
  readonly members: readonly PendingMutation[];
  readonly sealed: Sealed;
}

/** What becomes of mutations that are to be sent as one; those behind `members` stay as they were. */
export type Frozen = { readonly members: readonly PendingMutation[] } & (
  | { readonly kind: 'sealed'; readonly sealed: Sealed }
  /** Together they do nothing: there is nothing to send (CO1). */
  | { readonly kind: 'annulled' }
  /** Not now, or never: left as they were. */
  | { readonly kind: 'left' }
);

/** What was frozen just before, in the same transaction, and as what; undefined for what was annulled. */
export type Along = () => ReadonlyMap<PendingMutation, Sealed | undefined>;

/** `members`: those of `group` that still may go. */
export type Freeze = (members: readonly PendingMutation[], group: Group, along: Along) => Frozen;

/** What of some groups may be sent now, and what has to be stored before, if anything. */
export interface Sealing {
  /** With nothing undecided before them but what goes with them. */
  readonly ops: readonly Op[];
  /** Those of `ops` that were not sealed yet. */
  readonly frozen: readonly Op[];
  /** What is stored of them. */
  readonly records: readonly SealRecord[];
  readonly annulled: readonly PendingMutation[];
}

/** Freezes what is still there and in turn: since it was chosen, this tab may have learnt of earlier mutations (SC1). */
export function planSeal(ledger: Ledger, groups: readonly Group[], freeze: Freeze): Sealing {
  const ops: Op[] = [];
  const frozen: Op[] = [];
  const annulled: PendingMutation[] = [];
  const keys = new Set<string>();
  const known = new Map<PendingMutation, Sealed | undefined>();
  let untold: Frozen[] = [];
  // Only what shares a row with another, or depends on it, asks: mostly nothing does.
  const along: Along = () => {
    for (const result of untold)
      for (const mutation of result.members)
        known.set(mutation, result.kind === 'sealed' ? result.sealed : undefined);
    untold = [];
    return known;
  };
  const mayGo = (mutation: PendingMutation): boolean =>
    mutation.inLedger &&
    !mutation.cancelling &&
    (mutation.phase.kind === 'queued' || mutation.phase.kind === 'sealed');

  ledger.lanes.inTurn(groups, mayGo, (members, group) => {
    const [first] = members;
    if (first?.phase.kind !== 'queued') {
      const op = opOf(ledger, first);
      if (op === undefined || keys.has(idempotencyKey(op.sealed))) return members.length; // its members were chosen apart
      keys.add(idempotencyKey(op.sealed));
      ops.push(op);
      return members.length;
    }
    const result = freeze(members, group, along);
    // What follows it waits: it is decided first, and may stay and be held (RT7).
    if (result.kind === 'left') return 0;
    if (result.kind === 'annulled') annulled.push(...result.members);
    else {
      frozen.push(result);
      ops.push(result);
    }
    untold.push(result);
    return result.members.length;
  });
  const [first] = frozen;
  const records = first && [{ id: idempotencyKey(first.sealed), sealed: frozen.map((op) => op.sealed) }];
  return { ops, frozen, records: records ?? [], annulled };
}

/**
 * What a sealed mutation goes as, by what is stored: of a merge that was given up, members come back one by one (RT6).
 * All that go under one key are decided by its answer, whichever was due first, and whichever has come since it was sent.
 * @param known members that are at hand: where these are all, none is looked for
 */
function opOf(
  ledger: Ledger,
  mutation: PendingMutation | undefined,
  known: readonly PendingMutation[] = [],
): Op | undefined {
  if (mutation?.phase.kind !== 'sealed') return undefined;
  const { sealId, sealed: own } = mutation.phase;
  const stored = ledger.seals.get(sealId);
  // By key: what was read again since is equal, not identical.
  const sealed = stored?.includes(own) === true ? own : (stored?.find((one) => isSameKey(one, own)) ?? own);
  const tokens = sealed.members ?? [sealed.token];
  if (known.length === tokens.length && known.every((one) => one.inLedger && isSealedAs(one, own)))
    return { members: known, sealed };
  const members: PendingMutation[] = [];
  tokens.forEach((token) => {
    const member = ledger.pending.get(token);
    if (member !== undefined && isSealedAs(member, own)) members.push(member);
  });
  return { members, sealed };
}

const isSameKey = (a: Sealed, b: Sealed): boolean => a === b || (a.token === b.token && a.rev === b.rev);

const isSealedAs = ({ phase }: PendingMutation, sealed: Sealed): boolean =>
  phase.kind === 'sealed' && isSameKey(phase.sealed, sealed);

/** Those of `ops` that still may go: since they were sealed, another tab may have decided them, or held what comes first. */
export function stillToSend(ledger: Ledger, ops: readonly Op[]): readonly Op[] {
  const sent: Op[] = [];
  ledger.lanes.inTurn(
    ops,
    (mutation, { sealed }) => mutation.inLedger && isSealedAs(mutation, sealed),
    (members, op) => {
      if (members.length < op.members.length) return 0;
      sent.push(op);
      return members.length;
    },
  );
  return sent;
}

/** Those that an answer to `key` decides now; without a key, those of `members` that are still unsent. */
export function decidedBy(
  ledger: Ledger,
  members: readonly PendingMutation[],
  key: string | undefined,
): readonly PendingMutation[] {
  if (key === undefined) return members.filter((mutation) => isCurrent(mutation, key));
  return (
    opOf(
      ledger,
      members.find((mutation) => isCurrent(mutation, key)),
      members,
    )?.members ?? []
  );
}
