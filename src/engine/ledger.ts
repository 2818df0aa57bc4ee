import { keyOf } from '../domain/changes.js';
import type { EntityKey } from '../domain/entity.js';
import type { DeadLetter, MutationRecord, Sealed, Token } from '../domain/mutation.js';
import { byOrder, type PendingMutation } from './pendingMutation.js';
import type { MetaRecord, StorageWrite } from './ports.js';

/** This tab's mirror of the stored outbox. It is exact at `revision`, which is what makes compare-and-swap cheap. */
export interface Ledger {
  revision: number;
  cursor: string | undefined;
  /** Milliseconds since the epoch of the last exchange that left nothing undone, in whichever tab or session. */
  syncedAt: number | undefined;
  /** Every undecided mutation, in order. */
  readonly pending: Map<Token, PendingMutation>;
  /** The log's records as stored, unreadable mutations included: rewriting a record must not lose those (OB7). */
  readonly log: Map<number, readonly MutationRecord[]>;
  readonly seals: Map<string, readonly Sealed[]>;
  readonly deadLetters: Map<Token, DeadLetter>;
}

export function createLedger(): Ledger {
  return {
    revision: 0,
    cursor: undefined,
    syncedAt: undefined,
    pending: new Map(),
    log: new Map(),
    seals: new Map(),
    deadLetters: new Map(),
  };
}

/** Another tab's mutations may come before ours: brings `pending` back into the order of the storage. */
export function sortPending(ledger: Ledger): void {
  const sorted = [...ledger.pending.values()].sort(byOrder);
  ledger.pending.clear();
  for (const mutation of sorted) ledger.pending.set(mutation.record.token, mutation);
}

type Removal = Required<Pick<StorageWrite, 'put' | 'remove'>>;

/**
 * The write that takes `leaving` out of the log and the seals. A record is rewritten without them, and deleted with
 * its last mutation: there is nothing to compact (decision 0003).
 */
export function removal(ledger: Ledger, leaving: readonly PendingMutation[]): Removal {
  const tokens = new Set(leaving.map((m) => m.record.token));
  const without = <K, V extends { readonly token: Token }>(
    from: ReadonlyMap<K, readonly V[]>,
    keys: Iterable<K>,
  ): { kept: [K, readonly V[]][]; emptied: K[] } => {
    const kept: [K, readonly V[]][] = [];
    const emptied: K[] = [];
    for (const key of new Set(keys)) {
      // An item may be anything that was ever stored there, null included (OB7).
      const rest = (from.get(key) ?? []).filter((item: V | null) => item === null || !tokens.has(item.token));
      if (rest.length > 0) kept.push([key, rest]);
      else emptied.push(key);
    }
    return { kept, emptied };
  };
  const log = without(
    ledger.log,
    leaving.map((m) => m.seq),
  );
  const seals = without(
    ledger.seals,
    leaving.flatMap((m) => (m.phase.kind === 'sealed' ? [m.phase.sealId] : [])),
  );
  return {
    put: {
      log: log.kept.map(([seq, mutations]) => ({ seq, mutations })),
      seals: seals.kept.map(([id, sealed]) => ({ id, sealed })),
    },
    remove: { log: log.emptied, seals: seals.emptied },
  };
}

/** What `meta` keeps: how far the pull got, and when all was last in step. */
export const META = { cursor: 'cursor', syncedAt: 'syncedAt' } as const;

export function applyMeta(ledger: Ledger, meta: readonly MetaRecord[]): void {
  for (const { key, value } of meta) {
    if (key === META.cursor) ledger.cursor = value as string | undefined;
    if (key === META.syncedAt) ledger.syncedAt = value as number;
  }
}

/** Makes the ledger what the storage is after `write` and the departure of `leaving`. */
export function applyWrite(ledger: Ledger, write: StorageWrite, leaving: readonly PendingMutation[]): void {
  for (const { seq, mutations } of write.put?.log ?? []) ledger.log.set(seq, mutations);
  for (const { id, sealed } of write.put?.seals ?? []) ledger.seals.set(id, sealed);
  for (const letter of write.put?.deadLetters ?? []) ledger.deadLetters.set(letter.token, letter);
  for (const seq of write.remove?.log ?? []) ledger.log.delete(seq);
  for (const id of write.remove?.seals ?? []) ledger.seals.delete(id);
  for (const token of write.remove?.deadLetters ?? []) ledger.deadLetters.delete(token);
  for (const { record } of leaving) ledger.pending.delete(record.token);
  applyMeta(ledger, write.put?.meta ?? []);
}

/** The dead letters of one entity. */
export function deadLettersOf(ledger: Ledger, key: EntityKey): DeadLetter[] {
  return [...ledger.deadLetters.values()].filter((letter) =>
    letter.record.changes.some((change) => keyOf(change) === key),
  );
}
