import type { AuditEntry } from '../domain/audit.js';
import { keyOf } from '../domain/changes.js';
import type { EntityKey } from '../domain/entity.js';
import type { FullRead } from '../domain/fullRead.js';
import { createIds, type AssignedId, type Ids } from '../domain/identity.js';
import { createLanes, inOrder, type Lanes } from '../domain/lanes.js';
import {
  idempotencyKey,
  type DeadLetter,
  type MutationRecord,
  type Sealed,
  type Token,
} from '../domain/mutation.js';
import type { Tally } from '../domain/status.js';
import { QUEUED, type PendingMutation } from './pendingMutation.js';
import { changeLog, type EmptyPlaces } from './logRecords.js';
import type { MetaRecord, SealRecord, StorageWrite } from './ports.js';

/** This tab's mirror of the stored outbox. It is exact at `revision`, which is what makes compare-and-swap cheap. */
export interface Ledger {
  revision: number;
  cursor: string | undefined;
  /** The last full read, or the one under way. */
  read: FullRead | undefined;
  /** Milliseconds since the epoch of the last exchange that left nothing undone, in whichever tab or session. */
  syncedAt: number | undefined;
  /** Every undecided or held mutation, in order. */
  readonly pending: ReadonlyMap<Token, PendingMutation>;
  /** How they stand: kept, not counted, for status is asked after every change, whatever else is pending (ST7, OS1). */
  readonly tally: Readonly<Tally>;
  /** The same, by lane: what may be sent next. */
  readonly lanes: Lanes<PendingMutation>;
  /** The log's records as stored, unreadable mutations included: rewriting a record must not lose those (OB7). */
  readonly log: Map<number, readonly MutationRecord[]>;
  /** What has left the log's records and is still in them. */
  empty: EmptyPlaces;
  /** Where else a mutation is: stored again, because nobody knew of the first time. What leaves, leaves there, too. */
  readonly copies: Map<Token, ReadonlySet<number>>;
  readonly seals: Map<string, readonly Sealed[]>;
  readonly deadLetters: Map<Token, DeadLetter>;
  readonly ids: Ids;
  /** Those that are being taken back: they are not shown any more, and not gone yet. */
  readonly cancelling: Set<Token>;
  /** The audit trail, by its place in the ring (CF5). */
  readonly audit: Map<string, AuditEntry>;
  /** The breakers' state as stored (RT4). */
  breakers: unknown;
  add(mutation: PendingMutation): void;
  readonly remove: (mutation: PendingMutation) => void;
  /** Another tab's mutations may come before ours: brings `pending` back into the order of the storage. */
  sort(): void;
}

export function createLedger(): Ledger {
  const pending = new Map<Token, PendingMutation>();
  const lanes = createLanes<PendingMutation>();
  const tally: Tally = { pending: 0, sending: 0, held: 0, needsAttention: 0, conflict: 0 };
  return {
    revision: 0,
    cursor: undefined,
    read: undefined,
    syncedAt: undefined,
    pending,
    tally,
    lanes,
    log: new Map(),
    empty: new Map(),
    copies: new Map(),
    seals: new Map(),
    deadLetters: new Map(),
    ids: createIds(),
    cancelling: new Set(),
    audit: new Map(),
    breakers: undefined,
    add(mutation) {
      pending.set(mutation.token, mutation);
      mutation.countIn(tally);
      lanes.add(mutation);
    },
    remove(mutation) {
      if (mutation.inLedger) pending.delete(mutation.token);
      mutation.countIn(undefined);
      lanes.remove(mutation);
    },
    sort() {
      const all = [...pending.values()];
      const sorted = inOrder(all);
      if (sorted === all) return;
      pending.clear();
      for (const mutation of sorted) pending.set(mutation.token, mutation);
    },
  };
}

type Removal = Required<Pick<StorageWrite, 'put' | 'remove'>>;

/**
 * The write that takes `leaving` out of the log, `unsealed` too out of the seals, and puts `rebased` records in the
 * place of what they were. There is nothing to compact (decision 0003).
 */
export function rewriting(
  ledger: Ledger,
  leaving: readonly PendingMutation[],
  unsealed: readonly PendingMutation[] = [],
  rebased: ReadonlyMap<PendingMutation, MutationRecord> = new Map(),
): Removal {
  const log = changeLog(ledger, leaving, rebased);
  // By key: what was read again since is equal, not identical.
  const sealKeys = new Set<string>();
  const sealIds = new Set<string>();
  let same: Sealed | undefined;
  [...leaving, ...unsealed].forEach(({ phase }) => {
    if (phase.kind !== 'sealed' || phase.sealed === same) return;
    same = phase.sealed;
    sealKeys.add(idempotencyKey(phase.sealed));
    sealIds.add(phase.sealId);
  });
  const rest = [...sealIds].map((id) => {
    const sealed = ledger.seals.get(id) ?? [];
    return { id, sealed: sealed.filter((one) => !sealKeys.has(idempotencyKey(one))) };
  });
  return {
    put: {
      log: log.rewritten,
      seals: rest.filter(({ sealed }) => sealed.length > 0),
      meta: log.empty === undefined ? [] : [{ key: META.empty, value: log.empty }],
    },
    remove: { log: log.emptied, seals: rest.filter(({ sealed }) => sealed.length === 0).map(({ id }) => id) },
  };
}

/**
 * What `meta` keeps: how far the pull got, when all was last in step, the breakers, what has left the log's
 * records, one record per replaced id, and the audit trail.
 */
export const META = {
  cursor: 'cursor',
  read: 'read',
  syncedAt: 'syncedAt',
  breakers: 'breakers',
  empty: 'empty',
  id: 'id:',
  audit: 'audit:',
} as const;

export function applyMeta(ledger: Ledger, meta: readonly MetaRecord[]): void {
  for (const { key, value } of meta) {
    if (key === META.cursor) ledger.cursor = value as string | undefined;
    if (key === META.read) ledger.read = value as FullRead | undefined;
    if (key === META.syncedAt) ledger.syncedAt = value as number;
    if (key === META.empty) ledger.empty = value as EmptyPlaces;
    if (key === META.breakers) ledger.breakers = value;
    if (key.startsWith(META.audit)) ledger.audit.set(key, value as AuditEntry);
    if (key.startsWith(META.id)) ledger.ids.add(value as Parameters<Ids['add']>[0]);
  }
}

/** The ids that `write` says the server has given. */
export function assignedIn({ put }: StorageWrite): readonly AssignedId[] {
  const records = put?.meta?.filter(({ key }) => key.startsWith(META.id)) ?? [];
  return records.map(({ value }) => value as AssignedId);
}

/** Makes the ledger what the storage is after `write` and the departure of `leaving`. */
export function applyWrite(ledger: Ledger, write: StorageWrite, leaving: readonly PendingMutation[]): void {
  for (const { seq, mutations } of write.put?.log ?? []) ledger.log.set(seq, mutations);
  for (const { id, sealed } of write.put?.seals ?? []) ledger.seals.set(id, sealed);
  for (const letter of write.put?.deadLetters ?? []) ledger.deadLetters.set(letter.token, letter);
  for (const seq of write.remove?.log ?? []) ledger.log.delete(seq);
  for (const id of write.remove?.seals ?? []) ledger.seals.delete(id);
  for (const token of write.remove?.deadLetters ?? []) ledger.deadLetters.delete(token);
  // The last first: the other way round each would become the head of its lane, only to leave as well.
  for (let i = leaving.length; i > 0; i--) ledger.remove(leaving[i - 1] as PendingMutation);
  applyMeta(ledger, write.put?.meta ?? []);
}

/** They are stored, as the log record `seq`; `records` are theirs. */
export function place(
  { log, lanes }: Ledger,
  chunk: readonly PendingMutation[],
  records: readonly MutationRecord[],
  seq: number,
): void {
  if (chunk.length === 0) return;
  log.set(seq, records);
  chunk.forEach((mutation, i) => {
    mutation.seq = seq;
    mutation.place = i;
    mutation.phase = QUEUED;
    lanes.refresh(mutation);
  });
}

/** Those of `seals` that are queued here count as sealed. What was sealed before this tab drained may have been sent. */
export function markSealed(ledger: Ledger, seals: readonly SealRecord[]): void {
  for (const { id, sealed } of seals)
    for (const one of sealed) {
      const members = (one.members ?? [one.token]).flatMap((token) => ledger.pending.get(token) ?? []);
      // All that go under one key wait for one time.
      const key = idempotencyKey(one);
      const mate = members.find(({ phase: p }) => p.kind === 'sealed' && idempotencyKey(p.sealed) === key);
      for (const mutation of members) {
        if (mutation.phase.kind !== 'queued') continue;
        if (one.members === undefined && mutation.record.rev !== one.rev) continue;
        mutation.phase = { kind: 'sealed', sealed: one, sealId: id };
        mutation.resent = true;
        mutation.failures ??= mate?.failures;
        ledger.lanes.refresh(mutation);
      }
    }
}

/** The dead letters of one entity. */
export function deadLettersOf(ledger: Ledger, key: EntityKey): DeadLetter[] {
  return [...ledger.deadLetters.values()].filter((letter) =>
    letter.record.changes.some((change) => keyOf(change) === key),
  );
}
