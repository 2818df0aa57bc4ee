import { backoffMs, type RetryOptions } from '../domain/backoff.js';
import { SyncError } from '../domain/errors.js';
import type { Sealed } from '../domain/mutation.js';
import { reconcile, type Verdict } from '../domain/reconcile.js';
import { requestOutcome } from '../domain/requestOutcome.js';
import { independentRiders } from '../domain/riders.js';
import { schedule } from '../domain/schedule.js';
import { freeze } from './freeze.js';
import type { Ledger } from './ledger.js';
import type { Decision } from './departures.js';
import type { Outbox } from './outbox.js';
import type { Failures, PendingMutation } from './pendingMutation.js';
import type { Clock, Random, Reply, Transport } from './ports.js';
import type { Reachability } from './reachability.js';
import { sealOf, sendByOwnFunction, sendThrough, withTimeout, type Send } from './sender.js';
import type { Store } from './store.js';
import { isAborted } from './abortable.js';
import { createSummaryCounter, type ProcessingSummary } from './summary.js';
import { createWakeup } from './wakeup.js';

/** Sends what the outbox holds, for ever, in order (SC, RT). One runs per client, while it holds the lease. */
export interface Worker {
  run(signal: AbortSignal): Promise<void>;
  /** Something changed: look again. */
  readonly wake: () => void;
  /** The network may be back: try again without waiting for a backoff, but never below a `Retry-After` floor (RT2). */
  networkChanged(): void;
  /** Resolves when nothing is in flight and nothing is ready to be sent. */
  quiet(): Promise<void>;
  /** What was done since start-up (SC5). */
  readonly total: ProcessingSummary;
  /** The server wants the user to sign in again. */
  readonly needsAuth: boolean;
}

export interface WorkerOptions {
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly store: Store;
  readonly transport: Transport | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly reachability: Reachability;
  readonly retry: RetryOptions;
  /** How many mutations are sent by their own functions at a time. */
  readonly concurrency: number;
  /** Milliseconds after which the outcome of a send counts as unknown (RT3). */
  readonly timeoutMs: number;
  readonly paused: () => boolean;
  /** After anything about these mutations has changed that status shows. */
  readonly changed: (mutations: readonly PendingMutation[]) => void;
  readonly failed: (error: unknown) => void;
}

export function createWorker(options: WorkerOptions): Worker {
  const { ledger, outbox, store, transport, clock, reachability } = options;
  const wakeup = createWakeup(clock);
  const summary = createSummaryCounter();
  const push = transport && withTimeout(sendThrough(transport), options.timeoutMs, clock);
  const call = withTimeout(sendByOwnFunction, options.timeoutMs, clock);
  const inFlight = new Map<Promise<void>, Send>();
  const quietWaiters: (() => void)[] = [];
  let needsAuth = false;
  /** What the whole transport waits for after a push that decided nothing, or when the server says so. */
  let gate: Failures | undefined;

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const lookAgainAt = options.paused() ? Infinity : startSends(signal);
      if (inFlight.size === 0) for (const resolve of quietWaiters.splice(0)) resolve();
      await wakeup.wait(lookAgainAt, signal);
    }
    await Promise.all(inFlight.keys());
    for (const resolve of quietWaiters.splice(0)) resolve();
  }

  /** Starts whatever may start now, and returns when to look again. */
  function startSends(signal: AbortSignal): number {
    if (ledger.pending.size === 0) return Infinity;
    const now = clock.monotonic();
    if (reachability.nextTryAt > now) return reachability.nextTryAt;
    const most = reachability.online ? Infinity : 1;
    const calls = [...inFlight.values()].filter((send) => send === call).length;
    const gateAt = gate?.dueAt ?? 0;
    const mayPush = transport !== undefined && gateAt <= now && inFlight.size === calls;
    const { batch, alone, nextDueAt } = schedule(reachability.online ? ledger.pending.values() : probes(), {
      now,
      alone: Math.min(most, options.concurrency - calls),
      batch: mayPush ? Math.min(most, transport.limits.maxBatch) : 0,
      ordered: transport?.ordered ?? false,
    });
    const riders = independentRiders(batch, (key) => store.base(key)?.row);
    if (push !== undefined && riders.length > 0) start(riders, push, signal);
    for (const mutation of alone) start([mutation], call, signal);
    return gateAt > now ? Math.min(gateAt, nextDueAt) : nextDueAt;
  }

  /** What may try the network: rather something sealed already, for what is sealed can no longer be taken back. */
  function probes(): readonly PendingMutation[] {
    const all = [...ledger.pending.values()];
    const sealed = all.filter((mutation) => mutation.phase.kind === 'sealed');
    return sealed.length > 0 ? sealed : all;
  }

  function start(batch: readonly PendingMutation[], send: Send, signal: AbortSignal): void {
    for (const mutation of batch) mutation.sending = true;
    reachability.tried();
    const done = travel(batch, send, signal)
      .catch((error: unknown) => {
        // Only the storage can fail here. What was sealed stays sealed and is sent again with the same key.
        options.failed(error);
        const reason =
          error instanceof SyncError
            ? error
            : new SyncError('STORAGE', 'The outbox could not be written.', { cause: error });
        for (const mutation of batch) mutation.failures = failAgain(mutation.failures, reason);
      })
      .finally(() => {
        for (const mutation of batch) mutation.sending = false;
        inFlight.delete(done);
        options.changed(batch);
        wakeup.wake();
      });
    inFlight.set(done, send);
  }

  /** One mutation's way, top to bottom. */
  async function travel(batch: readonly PendingMutation[], send: Send, signal: AbortSignal): Promise<void> {
    const unsendable: Decision[] = [];
    const sealed = await outbox.seal(batch, (mutation) => freezeOrRefuse(mutation, unsendable)); // durable: from here it may have arrived
    await outbox.settle(unsendable);
    if (sealed.length === 0 || isAborted(signal)) return;
    options.changed(sealed);
    const { sent, replies, bytes } = await send(sealed, signal); // resolves whatever the network does
    if (isAborted(signal)) return; // unknown outcome: whoever drains next sends the same bytes again
    summary.request(bytes);
    const verdicts = sent.map((mutation, i) => {
      const command = mutation.definition?.command ?? false;
      const subject = { record: mutation.record, sealed: sealOf(mutation), command };
      return reconcile(subject, replies[i] ?? { kind: 'omitted' });
    });
    const decisions = sent.flatMap((mutation, i) => decisionOf(mutation, verdicts[i]));
    summary.count(verdicts);
    hold(sent, verdicts, replies, send);
    await outbox.settle(decisions); // durable first, then visible
  }

  function freezeOrRefuse(mutation: PendingMutation, unsendable: Decision[]): Sealed | undefined {
    const via = mutation.alone ? undefined : transport;
    const sealed = freeze(mutation, { ledger, store, transport: via, sealedAt: clock.now() });
    if (!(sealed instanceof SyncError)) return sealed;
    unsendable.push({ kind: 'refused', mutation, rev: mutation.record.rev, error: sealed, rows: [] });
    return undefined;
  }

  /** Makes what was not decided wait: in its own lane, and with the whole transport where `requestOutcome` says so. */
  function hold(
    sent: readonly PendingMutation[],
    verdicts: readonly Verdict[],
    replies: readonly Reply[],
    send: Send,
  ): void {
    sent.forEach((mutation, i) => {
      const verdict = verdicts[i];
      if (verdict?.kind === 'retry')
        mutation.failures = failAgain(mutation.failures, verdict.error, verdict.retryAfterMs);
      if (verdict?.kind === 'hold') mutation.failures = failAgain(mutation.failures, verdict.error);
    });
    const { answered, unauthorized, unreachable, stop } = requestOutcome(verdicts, replies);
    needsAuth = unauthorized || (needsAuth && !answered);
    if (answered) reachability.proven();
    if (unreachable) reachability.disproven();
    if (send !== call) gate = stop && failAgain(gate, stop.error, stop.retryAfterMs);
  }

  function failAgain(former: Failures | undefined, error: SyncError, retryAfterMs = 0): Failures {
    const count = (former?.count ?? 0) + 1;
    // Whatever has failed since (the storage, say): the server's last word still holds.
    const floorAt = Math.max(former?.floorAt ?? 0, clock.monotonic() + retryAfterMs);
    return { count, error, floorAt, dueAt: floorAt + backoffMs(count, options.retry, options.random) };
  }

  return {
    run,
    wake: wakeup.wake,
    networkChanged() {
      if (gate !== undefined) gate = { ...gate, dueAt: gate.floorAt };
      for (const mutation of ledger.pending.values())
        if (mutation.failures !== undefined)
          mutation.failures = { ...mutation.failures, dueAt: mutation.failures.floorAt };
      wakeup.wake();
    },
    quiet: () =>
      new Promise((resolve) => {
        quietWaiters.push(resolve);
        wakeup.wake();
      }),
    total: summary.total,
    get needsAuth() {
      // What was refused for it may have been accepted meanwhile: another tab's send, or an echo in a pull.
      return needsAuth && ledger.pending.size > 0;
    },
  };
}

function decisionOf(mutation: PendingMutation, verdict: Verdict | undefined): readonly Decision[] {
  const { rev } = mutation.record;
  switch (verdict?.kind) {
    case 'accepted':
      return [{ kind: 'accepted', mutation, rev, rows: verdict.rows, result: verdict.result }];
    case 'refused':
      return [{ kind: 'refused', mutation, rev, error: verdict.error, rows: verdict.rows }];
    case 'retry':
    case 'hold':
    case 'undecided':
    case undefined:
      return [];
  }
}
