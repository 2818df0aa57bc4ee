import { storeError } from '../domain/errors.js';
import type { Checkpoint } from '../domain/fullRead.js';
import type { Token } from '../domain/mutation.js';
import { depart, type DepartOptions } from './depart.js';
import { planLeave, type Departure } from './departures.js';
import { createGroupCommit } from './groupCommit.js';
import { createJointWrite, type JointWrite } from './jointWrite.js';
import { learn, type LearnOptions } from './learn.js';
import { applyWrite, markSealed, META } from './ledger.js';
import { ownTask } from './ownTask.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Clock, PullPage, SnapshotPage, StorageReceipt, StorageWrite, SyncStorage } from './ports.js';
import { planReadAnew, planSnapshot, type ReadAnew, type Suspects } from './reading.js';
import { readable } from './readable.js';
import { planDiscard } from './repair.js';
import { planReceive } from './receive.js';
import type { Settlement } from './settlement.js';

/** The durable queue. Every method is one transaction, or part of one: durable first, visible second (OB4). */
export interface Outbox extends JointWrite {
  /** Reads everything back. Until it resolves, additions wait. */
  open(): Promise<void>;
  /** Stores a visible mutation together with all others of this tick (OB2). */
  add(mutation: PendingMutation): void;
  /** Takes back an unsent mutation, which is not shown meanwhile; resolves to false when it is sealed or gone. */
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

export interface OutboxOptions extends LearnOptions, DepartOptions {
  readonly storage: SyncStorage;
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'sleep' | 'turn'>;
  /** After mutations became durable. */
  readonly saved: (mutations: readonly PendingMutation[]) => void;
  /** Tells the other tabs that the storage changed. */
  readonly announce: () => void;
  /** Whether something may be written soon by itself. */
  readonly writesSoon: () => boolean;
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
    plan: () => P | undefined | Promise<P | undefined>,
    done: (planned: P, receipt: StorageReceipt) => void,
  ): Promise<boolean> {
    return serial(async () => {
      for (;;) {
        const planned = await plan();
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
    options.left(learn(readable(state, options.unreadable), options));
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

  const leave = (plan: () => Departure | undefined): Promise<boolean> =>
    commit(plan, (departure, receipt) => depart(options, departure, receipt));

  /** Resolves to the number of rows that were put. */
  async function take(plan: () => Departure | undefined): Promise<number | undefined> {
    let rows: number | undefined;
    await commit(plan, (departure, receipt) => {
      rows = departure.rows.length;
      depart(options, departure, receipt);
    });
    return rows;
  }

  const group = createGroupCommit({
    storage,
    ledger,
    serial,
    reload: () => load(ledger.revision),
    lose(mutation, error) {
      ledger.remove(mutation);
      store.change({ drop: [mutation] });
      options.left([{ mutation, outcome: { kind: 'refused', error: storeError(error) }, error }]);
    },
    saved: (mutations) => options.saved(mutations),
    announce: () => options.announce(),
    clock: options.clock,
  });

  return {
    open: () =>
      serial(async () => {
        await load(undefined);
        await ownTask(ledger, options.clock); // to take them up was a task; what waits for them is another
      }),
    add: (mutation) => group.add(mutation),
    ...createJointWrite({ ...options, commit }),
    async cancel(token) {
      const now = (): PendingMutation | undefined => ledger.pending.get(token);
      const mark = (cancelling: boolean): void => {
        if (cancelling) ledger.cancelling.add(token);
        else ledger.cancelling.delete(token);
        const mutation = now();
        if (mutation === undefined) return;
        mutation.cancelling = cancelling;
        ledger.lanes.refresh(mutation);
        store.change(cancelling ? { drop: [mutation] } : { add: [mutation] });
      };
      mark(true);
      try {
        return await leave(() => {
          const mutation = now();
          return mutation?.phase.kind === 'queued'
            ? planLeave(ledger, [mutation], { kind: 'cancelled' })
            : undefined;
        });
      } finally {
        mark(false); // sealed meanwhile, or the storage failed: it is shown again
        options.changed(); // and to be sent
      }
    },
    retry: (plan, settlement) =>
      commit(plan, (departure, receipt) => {
        depart(options, departure, receipt);
        markSealed(ledger, departure.write.put?.seals ?? []);
        const again = ledger.pending.get(settlement.handle.token);
        if (again === undefined)
          settlement.accepted(undefined); // what it was to do is so already
        else again.settlement = settlement;
        options.saved([...new Set([...(departure.entering ?? []), ...(again ? [again] : [])])]);
      }),
    async receive(page, from, suspected) {
      const { revision } = ledger;
      const entered = await take(() => planReceive(options, page, from, suspected, options.clock.now()));
      if (entered !== undefined) return entered;
      await options.clock.turn?.(); // what woke the puller may have woken the worker
      // A hint may get lost, either way: the poll that brings nothing still finds what the others wrote, and they us.
      // Where we write, that finds it as well; where nothing came of what is under way, a later poll does.
      await serial(async () =>
        waiting > 0 || options.writesSoon() || ledger.revision !== revision
          ? undefined
          : load(ledger.revision),
      );
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
      await leave(() => planDiscard(ledger, token));
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
