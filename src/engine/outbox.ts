import { storeError, SyncError } from '../domain/errors.js';
import { idempotencyKey, type Lane, type Sealed, type Token } from '../domain/mutation.js';
import {
  isCurrent,
  planCancel,
  planReceive,
  planSettle,
  type Decision,
  type Departure,
  type Leaving,
} from './departures.js';
import { learn, type LearnOptions } from './learn.js';
import { applyWrite, META, type Ledger } from './ledger.js';
import { QUEUED, type PendingMutation } from './pendingMutation.js';
import type { PullPage, StorageWrite, SyncStorage } from './ports.js';

/** The durable queue. Every method is one transaction: durable first, visible second (OB4). */
export interface Outbox {
  /** Reads everything back. Until it resolves, additions wait. */
  open(): Promise<void>;
  /** Stores a visible mutation together with all others of this tick (OB2). */
  add(mutation: PendingMutation): void;
  /**
   * Freezes those that are still there and not sealed yet; resolves to what may be sent now (OB5). What `freeze`
   * returns nothing for is left as it was.
   */
  seal(
    batch: readonly PendingMutation[],
    freeze: (mutation: PendingMutation) => Sealed | undefined,
  ): Promise<readonly PendingMutation[]>;
  /** Carries out decisions on mutations that are still there at that rev, and ignores the others. */
  settle(decisions: readonly Decision[]): Promise<void>;
  /** Takes back an unsent mutation; resolves to false when it is sealed or gone. */
  cancel(mutation: PendingMutation): Promise<boolean>;
  /** Stores a page of server rows with its cursor, if `from` is still the cursor (PL1). */
  receive(page: PullPage, from: string | undefined): Promise<void>;
  /** Forgets the cursor, so that the next pull reads everything. Touches no mutation and no row. */
  forgetCursor(): Promise<void>;
  /** Forgets a dead letter. */
  readonly discard: (token: Token) => Promise<void>;
  /** Learns what other tabs wrote. */
  catchUp(): Promise<void>;
  /** Resolves when everything that was begun is done. */
  idle(): Promise<void>;
}

export interface OutboxOptions extends LearnOptions {
  readonly storage: SyncStorage;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** After mutations became durable. */
  readonly saved: (mutations: readonly PendingMutation[]) => void;
  /** After a mutation has left, durably and visibly. */
  readonly left: (leaving: Leaving) => void;
  /** After anything else about the ledger changed. */
  readonly changed: () => void;
  /** Tells the other tabs that the storage changed. */
  readonly announce: () => void;
}

/**
 * Those of `batch` that nothing precedes in their lanes but others of it. Since it was chosen, this tab may have learnt
 * what another one had stored before: that goes first (SC1). And one that is being taken back may have to stay.
 */
function inTurn(ledger: Ledger, batch: readonly PendingMutation[]): PendingMutation[] {
  const chosen = new Set(batch);
  const blocked = new Set<Lane>();
  const free: PendingMutation[] = [];
  for (const mutation of ledger.pending.values()) {
    const isFree = !mutation.cancelling && !mutation.lanes.some((lane) => blocked.has(lane));
    if (chosen.has(mutation) && isFree) free.push(mutation);
    else for (const lane of mutation.lanes) blocked.add(lane);
    if (chosen.delete(mutation) && chosen.size === 0) break;
  }
  return free;
}

/** One log record holds at most so many mutations: rewriting it when one of them settles must stay cheap. */
const RECORD_LIMIT = 256;

export function createOutbox(options: OutboxOptions): Outbox {
  const { storage, ledger, store } = options;
  let waiting: PendingMutation[] = [];
  let flushing = false;
  let tail: Promise<unknown> = Promise.resolve();

  /** One at a time: each plan sees the ledger as the write before it left it. */
  function serial<R>(work: () => Promise<R>): Promise<R> {
    const done = tail.then(work);
    tail = done.catch(() => undefined);
    return done;
  }

  /** Plans on the present ledger and writes; if another tab was faster, learns what it did and plans again. */
  function commit<P extends { readonly write: StorageWrite }>(
    plan: () => P | undefined,
    done: (planned: P) => void,
  ): Promise<boolean> {
    return serial(async () => {
      for (;;) {
        const planned = plan();
        if (planned === undefined) return false;
        const receipt = await storage.write({ ...planned.write, ifRevision: ledger.revision });
        if (receipt === 'stale') {
          await load(ledger.revision);
          continue;
        }
        ledger.revision = receipt.revision;
        done(planned);
        options.announce();
        return true;
      }
    });
  }

  async function load(since: number | undefined): Promise<void> {
    const gone = learn(await storage.load(since), options);
    for (const leaving of gone) options.left(leaving);
    options.changed();
  }

  function depart({ leaving, rows, write }: Departure): void {
    const drop = leaving.map((l) => l.mutation);
    applyWrite(ledger, write, drop);
    store.change({ drop, rows });
    for (const one of leaving) options.left(one);
    options.changed();
  }

  /** Stores everything that waits: one transaction, one log record per {@link RECORD_LIMIT} mutations. */
  async function flush(): Promise<void> {
    flushing = false;
    const group = waiting;
    waiting = [];
    try {
      await append(group);
    } catch (cause) {
      const rest = await notStored(group);
      // One that cannot be stored must not take the others of its tick with it.
      if (group.length === 1) lose(rest, cause);
      else
        for (const mutation of rest)
          await append([mutation]).catch(async (own: unknown) => lose(await notStored([mutation]), own));
    }
  }

  /** Those of `group` that a failed write has not stored: it may have been carried out, and only its answer lost. */
  async function notStored(group: readonly PendingMutation[]): Promise<readonly PendingMutation[]> {
    await load(ledger.revision).catch(() => undefined);
    const found = group.filter((m) => m.phase.kind !== 'saving');
    if (found.length > 0) options.saved(found);
    return group.filter((m) => m.phase.kind === 'saving');
  }

  async function append(group: readonly PendingMutation[]): Promise<void> {
    const chunks: (readonly PendingMutation[])[] = [];
    for (let i = 0; i < group.length; i += RECORD_LIMIT) chunks.push(group.slice(i, i + RECORD_LIMIT));
    const receipt = await storage.write({ append: chunks.map((chunk) => chunk.map((m) => m.record)) });
    if (receipt === 'stale')
      throw new SyncError(
        'STORAGE',
        'The storage called an unconditional write stale; its adapter breaks the contract.',
      );
    chunks.forEach((chunk, i) => place(chunk, receipt.seqs[i] ?? NaN));
    options.saved(group);
    options.announce();
    if (receipt.revision === ledger.revision + 1) ledger.revision = receipt.revision;
    // If that fails, what was stored is stored all the same; the next write comes back stale and reads again.
    else await load(ledger.revision).catch(() => undefined);
  }

  function place(chunk: readonly PendingMutation[], seq: number): void {
    const records = chunk.map((m) => m.record);
    ledger.log.set(seq, records);
    chunk.forEach((mutation, i) => {
      mutation.seq = seq;
      mutation.place = i;
      mutation.phase = QUEUED;
    });
  }

  function lose(group: readonly PendingMutation[], cause: unknown): void {
    for (const mutation of group) {
      const error =
        cause instanceof SyncError
          ? cause
          : new SyncError(
              'STORAGE',
              `"${mutation.record.name}" could not be stored, so its change was taken back. Free some space or reload.`,
              { cause },
            );
      ledger.pending.delete(mutation.token);
      store.change({ drop: [mutation] });
      options.left({ mutation, outcome: { kind: 'refused', error: storeError(error) }, error });
    }
  }

  return {
    open: () => serial(() => load(undefined)),
    add(mutation) {
      waiting.push(mutation);
      if (flushing) return;
      flushing = true;
      // Queued now, so that what is asked next of this mutation comes after it; run after the tick's other mutations
      // have joined. While a write is under way, all that come wait together.
      void serial(flush);
    },
    async seal(batch, freeze) {
      await commit(
        () => {
          const fresh = inTurn(ledger, batch).filter(
            (m) => isCurrent(ledger, m, m.record.rev) && m.phase.kind === 'queued' && !m.cancelling,
          );
          const frozen = fresh.flatMap((mutation) => {
            const sealed = freeze(mutation);
            return sealed === undefined ? [] : [{ mutation, sealed }];
          });
          const first = frozen[0];
          if (first === undefined) return undefined;
          const id = idempotencyKey(first.sealed);
          return { frozen, id, write: { put: { seals: [{ id, sealed: frozen.map((f) => f.sealed) }] } } };
        },
        ({ frozen, id, write }) => {
          applyWrite(ledger, write, []);
          for (const { mutation, sealed } of frozen) mutation.phase = { kind: 'sealed', sealed, sealId: id };
        },
      );
      return inTurn(ledger, batch).filter(
        (m) => isCurrent(ledger, m, m.record.rev) && m.phase.kind === 'sealed',
      );
    },
    async settle(decisions) {
      if (decisions.length > 0)
        await commit(() => planSettle(ledger, store, decisions, options.now()), depart);
    },
    async cancel(mutation) {
      mutation.cancelling = true;
      try {
        return await commit(() => planCancel(ledger, mutation), depart);
      } finally {
        mutation.cancelling = false;
        options.changed(); // where it could not be taken back, it is to be sent again
      }
    },
    async receive(page, from) {
      const isNews = await commit(() => planReceive(ledger, store, page, from, options.now()), depart);
      if (isNews) return;
      // A hint may get lost, either way: the poll that brings nothing still finds what the others wrote, and they us.
      await serial(() => load(ledger.revision));
      options.announce();
    },
    async forgetCursor() {
      await commit(
        () => ({ write: { put: { meta: [{ key: META.cursor, value: undefined }] } } }),
        ({ write }) => applyWrite(ledger, write, []),
      );
    },
    async discard(token) {
      await commit(
        () => (ledger.deadLetters.has(token) ? { write: { remove: { deadLetters: [token] } } } : undefined),
        ({ write }) => {
          applyWrite(ledger, write, []);
          options.changed();
        },
      );
    },
    catchUp: () => serial(() => load(ledger.revision)),
    async idle() {
      do await tail;
      while (flushing);
      await tail;
    },
  };
}
