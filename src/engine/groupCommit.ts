import { SyncError } from '../domain/errors.js';
import { place, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Clock, SyncStorage } from './ports.js';

/** Stores the mutations of one tick together: one transaction (OB2). */
export interface GroupCommit {
  add(mutation: PendingMutation): void;
  /** A group waits to be stored. */
  readonly isOpen: boolean;
}

export interface GroupCommitOptions {
  readonly storage: SyncStorage;
  readonly ledger: Ledger;
  /** Runs work after all that was begun before. */
  readonly serial: <R>(work: () => Promise<R>) => Promise<R>;
  /** Reads what the storage has. */
  readonly reload: () => Promise<void>;
  /** It could not be stored. */
  readonly lose: (mutation: PendingMutation, error: SyncError) => void;
  readonly saved: (mutations: readonly PendingMutation[]) => void;
  readonly announce: () => void;
  readonly clock: Pick<Clock, 'sleep' | 'turn'>;
}

/** One log record holds at most so many mutations: rewriting it when one of them settles must stay cheap. */
const RECORD_LIMIT = 512;
/** After so many records, others have their turn: a loop of a million edits must not freeze the page once more. */
const AT_ONCE = 64;

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { storage, ledger, clock, serial, reload } = options;
  let open: PendingMutation[] | undefined;

  /** Stores a group: one transaction, one log record per {@link RECORD_LIMIT} mutations. */
  async function flush(called: readonly PendingMutation[]): Promise<void> {
    if (called === open) open = undefined;
    try {
      await append(called);
    } catch (cause) {
      const rest = await notStored(called);
      // One that cannot be stored must not take the others of its tick with it.
      if (called.length === 1) lose(rest, cause);
      else
        for (const mutation of rest)
          await append([mutation]).catch(async (own: unknown) => lose(await notStored([mutation]), own));
    }
  }

  /** Those of `group` that a failed write has not stored: it may have been carried out, and only its answer lost. */
  async function notStored(group: readonly PendingMutation[]): Promise<readonly PendingMutation[]> {
    await reload().catch(() => undefined);
    const now = group.flatMap((m) => ledger.pending.get(m.token) ?? []);
    const found = now.filter((m) => m.phase.kind !== 'saving');
    if (found.length > 0) options.saved(found);
    return now.filter((m) => m.phase.kind === 'saving');
  }

  async function append(called: readonly PendingMutation[]): Promise<void> {
    // One may have been given another record while it waited.
    const group = called.map((mutation) => ledger.pending.get(mutation.token) ?? mutation);
    const chunks: (readonly PendingMutation[])[] = [];
    for (let i = 0; i < group.length; i += RECORD_LIMIT) chunks.push(group.slice(i, i + RECORD_LIMIT));
    const records = chunks.map((chunk) => chunk.map((m) => m.record));
    const receipt = await storage.write({ append: records });
    if (receipt === 'stale')
      throw new SyncError(
        'STORAGE',
        'The storage called an unconditional write stale; its adapter breaks the contract.',
      );
    for (const [i, chunk] of chunks.entries()) {
      place(ledger, chunk, records[i] ?? [], receipt.seqs[i] ?? NaN);
      options.saved(chunk);
      if ((i + 1) % AT_ONCE === 0) await clock.sleep(0);
    }
    options.announce();
    if (receipt.revision === ledger.revision + 1) ledger.revision = receipt.revision;
    // If that fails, what was stored is stored all the same; the next write comes back stale and reads again.
    else await reload().catch(() => undefined);
  }

  function lose(mutations: readonly PendingMutation[], cause: unknown): void {
    for (const mutation of mutations)
      options.lose(
        mutation,
        cause instanceof SyncError
          ? cause
          : new SyncError(
              'STORAGE',
              `"${mutation.name}" could not be stored, so its change was taken back. Free some space or reload.`,
              { cause },
            ),
      );
  }

  return {
    get isOpen() {
      return open !== undefined;
    },
    add(mutation) {
      if (open !== undefined) {
        open.push(mutation);
        return;
      }
      const group = (open = [mutation]);
      // Queued now, so that what is asked next of this mutation comes after it; run after the tick's other mutations
      // have joined, and after what they change is shown (0037). While a write is under way, all that come wait together.
      void serial(async () => {
        await clock.turn?.();
        await flush(group);
      });
    },
  };
}
