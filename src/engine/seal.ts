import type { Run } from '../domain/lanes.js';
import type { Merge } from '../domain/merge.js';
import { idempotencyKey, type Sealed } from '../domain/mutation.js';
import { currentOf, planLeave, type Departure } from './departures.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { StorageWrite } from './ports.js';

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
export type Along = ReadonlyMap<PendingMutation, Sealed | undefined>;

/** `members`: those of `group` that still may go. */
export type Freeze = (members: readonly PendingMutation[], group: Group, along: Along) => Frozen;

interface Sealing {
  readonly frozen: readonly Op[];
  /** Of the seal record. */
  readonly id: string;
  /** Of what was annulled, if anything was. */
  readonly departure: Departure | undefined;
  readonly write: StorageWrite;
}

/** Freezes what is still there and in turn: since it was chosen, this tab may have learnt of earlier mutations (SC1). */
export function planSeal(ledger: Ledger, groups: readonly Group[], freeze: Freeze): Sealing | undefined {
  const frozen: Op[] = [];
  const annulled: PendingMutation[] = [];
  const along = new Map<PendingMutation, Sealed | undefined>();
  for (const [i, members] of inTurn(ledger, groups).entries()) {
    const [first] = members;
    if (first?.phase.kind !== 'queued') continue;
    const result = freeze(members, groups[i] as Group, along);
    if (result.kind === 'left') continue;
    if (result.kind === 'sealed') frozen.push(result);
    else annulled.push(...result.members);
    for (const mutation of result.members)
      along.set(mutation, result.kind === 'sealed' ? result.sealed : undefined);
  }
  const first = frozen[0];
  if (first === undefined && annulled.length === 0) return undefined;
  const id = first === undefined ? '' : idempotencyKey(first.sealed);
  const seals = first === undefined ? [] : [{ id, sealed: frozen.map((op) => op.sealed) }];
  const departure =
    annulled.length === 0 ? undefined : planLeave(ledger, annulled, { kind: 'annulled' }, { put: { seals } });
  return { frozen, id, departure, write: departure?.write ?? { put: { seals } } };
}

/** What of `groups` may be sent now: sealed, and with nothing undecided before it but what goes with it. */
export function opsOf(ledger: Ledger, groups: readonly Group[]): readonly Op[] {
  const keys = new Set<string>();
  // One that was left unsealed is decided first: it may stay, and be held (RT7).
  return inTurn(ledger, groups, ['sealed']).flatMap((members) => {
    const op = opOf(ledger, members[0]);
    if (op === undefined || keys.has(idempotencyKey(op.sealed))) return []; // its members were chosen apart
    keys.add(idempotencyKey(op.sealed));
    return [op];
  });
}

/**
 * What a sealed mutation goes as, by what is stored: of a merge that was given up, members come back one by one (RT6).
 * All that go under one key are decided by its answer, whichever was due first, and whichever has come since it was sent.
 */
function opOf(ledger: Ledger, mutation: PendingMutation | undefined): Op | undefined {
  if (mutation?.phase.kind !== 'sealed') return undefined;
  const { sealId, sealed: own } = mutation.phase;
  const isOwn = (one: Sealed): boolean => one === own || (one.token === own.token && one.rev === own.rev);
  const sealed = ledger.seals.get(sealId)?.find(isOwn) ?? own;
  const members = (sealed.members ?? [sealed.token]).flatMap((token) => {
    const member = ledger.pending.get(token);
    return member?.phase.kind === 'sealed' && isOwn(member.phase.sealed) ? member : [];
  });
  return { members, sealed };
}

/** Those that an answer to `key` decides now; without a key, those of `members` that are still unsent. */
export function decidedBy(
  ledger: Ledger,
  members: readonly PendingMutation[],
  key: string | undefined,
): readonly PendingMutation[] {
  const current = currentOf(ledger, members, key);
  return key === undefined ? current : (opOf(ledger, current[0])?.members ?? []);
}

function inTurn(
  ledger: Ledger,
  groups: readonly Group[],
  phases: readonly PendingMutation['phase']['kind'][] = ['queued', 'sealed'],
): readonly (readonly PendingMutation[])[] {
  return ledger.lanes.inTurn(
    groups,
    (mutation) =>
      ledger.pending.get(mutation.token) === mutation &&
      !mutation.cancelling &&
      phases.includes(mutation.phase.kind),
  );
}
