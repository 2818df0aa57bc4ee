import type { AuditEntry } from '../domain/audit.js';
import { storeError, type SyncError } from '../domain/errors.js';
import type { Checkpoint } from '../domain/fullRead.js';
import type { MutationRecord, Token } from '../domain/mutation.js';
import { planLeave, type Books, type Departure, type Leaving } from './departures.js';
import { createGroupCommit } from './groupCommit.js';
import { learn, type LearnOptions } from './learn.js';
import { applyWrite, assignedIn, markSealed, META } from './ledger.js';
import { QUEUED, type PendingMutation } from './pendingMutation.js';
import type { Clock, PullPage, SnapshotPage, StorageReceipt, StorageWrite, SyncStorage } from './ports.js';
import { planReadAnew, planSnapshot, type ReadAnew, type Suspects } from './reading.js';
import { concernedBy } from './renamed.js';
import { planDiscard } from './repair.js';
import { planReceive } from './receive.js';
import { planSeal, type Freeze, type Group, type Op } from './seal.js';
import { neverSent, planSettle, type Decision } from './settle.js';
import type { Settlement } from './settlement.js';

/** The durable queue. Every method is one transaction: durable first, visible second (OB4). */
export interface Outbox {
  /** Reads everything back. Until it resolves, additions wait. */
  open(): Promise<void>;
  /** Stores a visible mutation together with all others of this tick (OB2). */
  add(mutation: PendingMutation): void;
  /**
   * Freezes those groups that are still there and not sealed yet, each under one key; resolves to what may be sent now
   * (OB5). What merges to nothing leaves at once (CO1); what `freeze` has no seal for is left as it was.
   */
  seal(groups: readonly Group[], freeze: Freeze): Promise<readonly Op[]>;
  /** Carries out decisions on mutations that are still there at that rev, and ignores the others. */
  settle(decisions: readonly Decision[]): Promise<void>;
  /** Refuses unsent mutations for which `why` still has a reason when it comes to it. */
  refuse(
    mutations: readonly PendingMutation[],
    why: (mutation: PendingMutation) => SyncError | undefined,
  ): Promise<void>;
  /** Takes back an unsent mutation; resolves to false when it is sealed or gone. */
  cancel(token: Token): Promise<boolean>;
  /**
   * Lets dead letters in again (RT7), as `plan` says when it comes to it: `settlement` is that of the new try. Resolves
   * to false when there is nothing to do any more.
   */
  retry(plan: () => Departure | undefined, settlement: Settlement): Promise<boolean>;
  /**
   * Stores a page of changes with its cursor, if `from` is still the checkpoint (PL1); resolves to the number of rows
   * that it put, undefined when it had nothing to store.
   */
  receive(page: PullPage, from: Checkpoint, suspected: Suspects): Promise<number | undefined>;
  /** The same with a page of the snapshot. */
  receiveSnapshot(page: SnapshotPage, from: Checkpoint): Promise<number | undefined>;
  /** Lets the next pull read everything or some of it, if `from` is still the checkpoint. Touches no mutation and no row. */
  readAnew(from: Checkpoint, how: ReadAnew): Promise<void>;
  /** Forgets a dead letter, and takes its value back where that is still shown. */
  readonly discard: (token: Token) => Promise<void>;
  /** Keeps the breakers' state for the next session (RT4). */
  readonly keepBreakers: (stored: unknown) => Promise<void>;
  /** Learns what other tabs wrote. */
  catchUp(): Promise<void>;
  /** Resolves when everything that was begun is done. */
  idle(): Promise<void>;
}

export interface OutboxOptions extends LearnOptions, Books {
  readonly storage: SyncStorage;
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'sleep' | 'turn'>;
  /** After mutations became durable. */
  readonly saved: (mutations: readonly PendingMutation[]) => void;
  /** After mutations have left, durably and visibly. */
  readonly left: (leaving: readonly Leaving[]) => void;
  /** After a conflict was decided, or the user asked (CF5). */
  readonly audited: (entry: AuditEntry) => void;
  /** After anything else about the ledger changed. */
  readonly changed: () => void;
  /** The same mutation with another record. */
  readonly revise: (former: PendingMutation, record: MutationRecord) => PendingMutation;
  /** Tells the other tabs that the storage changed. */
  readonly announce: () => void;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { storage, ledger, store } = options;
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  /** One at a time: each plan sees the ledger as the write before it left it. */
  function serial<R>(work: () => Promise<R>): Promise<R> {
    waiting++;
    const done = tail.then(() => {
      waiting--;
      return work();
    });
    tail = done.catch(() => undefined);
    return done;
  }

  /** Plans on the present ledger and writes; if another tab was faster, learns what it did and plans again. */
  function commit<P extends { readonly write: StorageWrite }>(
    plan: () => P | undefined,
    done: (planned: P, receipt: StorageReceipt) => void,
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
        done(planned, receipt);
        options.announce();
        return true;
      }
    });
  }

  async function load(since: number | undefined): Promise<void> {
    const state = await storage.load(since);
    if (state.partial && state.revision === since) return; // nobody has written
    options.left(learn(state, options));
    const unreadable = state.unreadable.filter(({ table }) => table === 'rows').map(({ key }) => key);
    if (unreadable.length > 0) await replaceRows(unreadable);
    options.changed();
  }

  /** The server has them, too: with them goes the checkpoint that says they are here. */
  async function replaceRows(unreadableRows: readonly unknown[]): Promise<void> {
    const planned = planReadAnew(options, ledger, { snapshots: true });
    if (planned === undefined) return;
    const write = { ...planned.write, ifRevision: ledger.revision, remove: { unreadableRows } };
    const receipt = await storage.write(write).catch(() => 'stale' as const);
    if (receipt === 'stale') return; // they are met again at the next start
    ledger.revision = receipt.revision;
    applyWrite(ledger, write, []);
  }

  function depart(
    { entering = [], leaving, rebased, rows, audit = [], write }: Departure,
    { seqs }: StorageReceipt,
  ): void {
    const gone = leaving.filter((l) => l.held === undefined).map((l) => l.mutation);
    applyWrite(ledger, write, gone);
    for (const { mutation, held } of leaving)
      if (held !== undefined) {
        mutation.failures = undefined;
        change(mutation, { phase: { kind: 'refused', letter: held } });
      }
    const successors = new Map<PendingMutation, PendingMutation>();
    const revised = new Map(rebased);
    // What was called since the write was planned still names rows as they were called then (ID1).
    for (const mutation of concernedBy(options, assignedIn(write), leaving, write.remove?.deadLetters))
      if (mutation.phase.kind === 'saving') revised.set(mutation, mutation.record);
    for (const [former, record] of revised) {
      const next = options.revise(former, record);
      // Each time that it meets another's write it waits longer (RT2).
      if (former.failures?.error.code === 'CONFLICT') next.failures = { ...former.failures, unanswered: 0 };
      successors.set(former, next);
      ledger.remove(former);
      ledger.add(next);
    }
    for (const mutation of entering) ledger.add(mutation);
    place(entering, seqs[0] ?? NaN);
    const added = [...successors.values(), ...entering];
    if (added.length > 0) ledger.sort();
    // One that is being taken back is not shown any more.
    const add = added.filter((m) => !m.cancelling);
    store.change({ drop: [...gone, ...successors.keys()], add, rows });
    options.left(leaving);
    for (const entry of audit) options.audited(entry);
    options.changed();
  }

  /** Resolves to the number of rows that were put. */
  async function take(plan: () => Departure | undefined): Promise<number | undefined> {
    let rows: number | undefined;
    await commit(plan, (departure, receipt) => {
      rows = departure.rows.length;
      depart(departure, receipt);
    });
    return rows;
  }

  /** It may have been given another record while it waited to be stored. */
  const latest = (mutation: PendingMutation): PendingMutation =>
    ledger.pending.get(mutation.token) ?? mutation;

  /** Changes what scheduling depends on. */
  function change(
    mutation: PendingMutation,
    to: Partial<Pick<PendingMutation, 'phase' | 'cancelling'>>,
  ): void {
    Object.assign(mutation, to);
    ledger.lanes.refresh(mutation);
  }

  function place(chunk: readonly PendingMutation[], seq: number): void {
    if (chunk.length === 0) return;
    const records = chunk.map((m) => m.record);
    ledger.log.set(seq, records);
    chunk.forEach((mutation, i) => {
      mutation.seq = seq;
      mutation.place = i;
      mutation.phase = QUEUED;
      ledger.lanes.refresh(mutation);
    });
  }

  function lose(mutation: PendingMutation, error: SyncError): void {
    ledger.remove(mutation);
    store.change({ drop: [mutation] });
    options.left([{ mutation, outcome: { kind: 'refused', error: storeError(error) }, error }]);
  }

  const group = createGroupCommit({
    storage,
    ledger,
    serial,
    reload: () => load(ledger.revision),
    place,
    latest,
    lose,
    saved: (mutations) => options.saved(mutations),
    announce: () => options.announce(),
    clock: options.clock,
  });

  return {
    open: () => serial(() => load(undefined)),
    add: (mutation) => group.add(mutation),
    async seal(groups, freeze) {
      let ops: readonly Op[] = [];
      await commit(
        () => {
          const planned = planSeal(ledger, groups, freeze);
          ops = planned.ops;
          return planned.freezing;
        },
        ({ frozen, id, departure, write }, receipt) => {
          if (departure === undefined) applyWrite(ledger, write, []);
          else depart(departure, receipt);
          for (const { members, sealed } of frozen) {
            const phase = { kind: 'sealed', sealed, sealId: id } as const;
            for (const mutation of members) mutation.phase = phase;
          }
        },
      );
      return ops;
    },
    async settle(decisions) {
      if (decisions.length > 0)
        await commit(() => planSettle(options, decisions, options.clock.now()), depart);
    },
    async refuse(mutations, why) {
      if (mutations.length > 0)
        await commit(() => {
          const decisions = mutations.flatMap((mutation) => {
            const error = why(mutation);
            return error === undefined ? [] : [neverSent(mutation, error)];
          });
          return planSettle(options, decisions, options.clock.now());
        }, depart);
    },
    async cancel(token) {
      const now = (): PendingMutation | undefined => ledger.pending.get(token);
      const mark = (cancelling: boolean): void => {
        const mutation = now();
        if (mutation !== undefined) change(mutation, { cancelling });
        if (cancelling) ledger.cancelling.add(token);
        else ledger.cancelling.delete(token);
      };
      mark(true);
      try {
        return await commit(() => {
          const mutation = now();
          return mutation?.phase.kind === 'queued'
            ? planLeave(ledger, [mutation], { kind: 'cancelled' })
            : undefined;
        }, depart);
      } finally {
        mark(false);
        options.changed(); // where it could not be taken back, it is to be sent again
      }
    },
    retry: (plan, settlement) =>
      commit(plan, (departure, receipt) => {
        depart(departure, receipt);
        markSealed(ledger, departure.write.put?.seals ?? []);
        const again = ledger.pending.get(settlement.handle.token);
        if (again === undefined)
          settlement.accepted(undefined); // what it was to do is so already
        else again.settlement = settlement;
        options.saved([...new Set([...(departure.entering ?? []), ...(again ? [again] : [])])]);
      }),
    async receive(page, from, suspected) {
      const entered = await take(() => planReceive(options, page, from, suspected, options.clock.now()));
      if (entered !== undefined) return entered;
      // A hint may get lost, either way: the poll that brings nothing still finds what the others wrote, and they us.
      // Where we write next, that finds it as well.
      await serial(async () => (waiting > 0 ? undefined : load(ledger.revision)));
      options.announce();
      return undefined;
    },
    receiveSnapshot: (page, from) => take(() => planSnapshot(options, page, from)),
    async readAnew(from, how) {
      await commit(
        () => planReadAnew(options, from, how),
        ({ write }) => applyWrite(ledger, write, []),
      );
    },
    async discard(token) {
      await commit(() => planDiscard(ledger, token), depart);
    },
    async keepBreakers(stored) {
      await commit(
        () => ({ write: { put: { meta: [{ key: META.breakers, value: stored }] } } }),
        ({ write }) => applyWrite(ledger, write, []),
      );
    },
    catchUp: () => serial(() => load(ledger.revision)),
    async idle() {
      do await tail;
      while (group.isOpen);
      await tail;
    },
  };
}
