import type { RetryOptions } from '../domain/backoff.js';
import type { AnyCollection } from '../domain/collection.js';
import { DualFailureError, SyncError } from '../domain/errors.js';
import { TRANSPORT } from '../domain/lanes.js';
import { idempotencyKey } from '../domain/mutation.js';
import { reconcile, type Verdict } from '../domain/reconcile.js';
import { requestOutcome } from '../domain/requestOutcome.js';
import { measureClock, refineClock, type ServerClock } from '../domain/serverClock.js';
import { isAborted } from './abortable.js';
import { createArbiter } from './arbiter.js';
import { createChooser } from './chooser.js';
import { disputedIn } from './disputed.js';
import type { Decision } from './settle.js';
import { freeze, whyUnsendable, type Outgoing } from './freeze.js';
import type { Gates } from './gates.js';
import type { Ledger } from './ledger.js';
import type { Outbox } from './outbox.js';
import type { Failures, PendingMutation } from './pendingMutation.js';
import { isHeld } from './pendingView.js';
import type { Clock, Reply, Transport } from './ports.js';
import type { Reachability } from './reachability.js';
import { decidedBy, type Group, type Op } from './seal.js';
import { sendByOwnFunction, sendThrough, withTimeout, type Send } from './sender.js';
import type { Store } from './store.js';
import type { SummaryCounter } from './summary.js';
import { createWakeup } from './wakeup.js';

/** Sends what the outbox holds, for ever, in order (SC, RT). One runs per client, while it holds the lease. */
export interface Worker {
  run(signal: AbortSignal): Promise<void>;
  /** Something changed: look again. */
  readonly wake: () => void;
  /** The network may be back: try again without waiting for a backoff, but never below a `Retry-After` floor (RT2). */
  networkChanged(): void;
  /** Resolves when nothing is in flight and nothing is ready to be sent, or before, when all of these are decided or held. */
  quiet(of?: (mutation: PendingMutation) => boolean): Promise<void>;
  /** The server wants the user to sign in again. */
  readonly needsAuth: boolean;
}

export interface WorkerOptions {
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly store: Store;
  readonly transport: Transport | undefined;
  readonly clock: Clock;
  readonly gates: Gates;
  readonly reachability: Reachability;
  readonly retry: RetryOptions;
  readonly collections: ReadonlyMap<string, AnyCollection>;
  /** Milliseconds that a conflict resolver of the app has to answer (CF2). */
  readonly resolverTimeoutMs: number;
  readonly summary: SummaryCounter;
  readonly createId: () => string;
  /** How many mutations are sent by their own functions at a time, and how many requests by an unordered transport. */
  readonly concurrency: number;
  /** Milliseconds after which the outcome of a send counts as unknown (RT3). */
  readonly timeoutMs: number;
  readonly paused: () => boolean;
  /** After anything about these mutations has changed that status shows. */
  readonly changed: (mutations: readonly PendingMutation[]) => void;
  readonly failed: (error: unknown) => void;
}

export function createWorker(options: WorkerOptions): Worker {
  const { ledger, outbox, store, transport, clock, gates, reachability } = options;
  const wakeup = createWakeup(clock);
  const push = transport && withTimeout(sendThrough(transport), options.timeoutMs, clock);
  const call = withTimeout(sendByOwnFunction(options.failed), options.timeoutMs, clock);
  /** What is under way, and by which route. */
  const inFlight = new Map<Promise<void>, string>();
  /** Resolvers that have not answered yet: only their lanes wait (SC3). */
  const asking = new Map<Promise<void>, readonly PendingMutation[]>();
  const quietWaiters = new Map<() => void, ((mutation: PendingMutation) => boolean) | undefined>();
  let serverClock: ServerClock | undefined;
  let needsAuth = false;

  /** Told once: it is met again at every look. */
  const told = new Set<string>();
  function cannotMerge(error: SyncError): void {
    if (told.has(error.message)) return;
    told.add(error.message);
    options.failed(error);
  }

  const chooser = createChooser({ ...options, cannotMerge });
  const arbiter = createArbiter({ ...options, serverClock: () => serverClock });

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const lookAgainAt = startSendsSafely(signal);
      tellQuiet(inFlight.size + asking.size === 0);
      await wakeup.wait(lookAgainAt, signal);
    }
    await Promise.all([...inFlight.keys(), ...asking.keys()]);
    tellQuiet(true);
  }

  function tellQuiet(isQuiet: boolean): void {
    for (const [resolve, of] of quietWaiters) {
      const isOpen = (m: PendingMutation): boolean => m.undecided && !isHeld(m) && of?.(m) === true;
      if (!isQuiet && (of === undefined || [...ledger.pending.values()].some(isOpen))) continue;
      quietWaiters.delete(resolve);
      resolve();
    }
  }

  /** A bug met in choosing must not end the loop: what is stored is tried again. */
  function startSendsSafely(signal: AbortSignal): number {
    try {
      return startSends(signal);
    } catch (error) {
      options.failed(error);
      return clock.monotonic() + options.retry.capMs;
    }
  }

  /** Starts whatever may start now, and returns when to look again. */
  function startSends(signal: AbortSignal): number {
    const { together, alone, nextAt } = chooser.choose([...inFlight.values()]);
    if (together.length > 0) start(together, TRANSPORT, signal);
    for (const group of alone) start([group], group.members[0]?.route ?? TRANSPORT, signal);
    return nextAt;
  }

  function start(groups: readonly Group[], route: string, signal: AbortSignal): void {
    const members = groups.flatMap((group) => group.members);
    setSending(members, true);
    reachability.tried();
    const done = travel(groups, route, signal)
      .catch((error: unknown) => {
        // What was sealed stays sealed and is sent again with the same key.
        options.failed(error);
        const reason =
          error instanceof SyncError
            ? error
            : new SyncError('STORAGE', 'The outbox could not be written.', { cause: error });
        for (const group of groups) failTogether(group.members, reason);
      })
      .finally(() => {
        const asked = new Set([...asking.values()].flat());
        setSending(
          members.filter((mutation) => !asked.has(mutation)),
          false,
        );
        inFlight.delete(done);
        options.changed(members);
        wakeup.wake();
      });
    inFlight.set(done, route);
  }

  function setSending(members: readonly PendingMutation[], sending: boolean): void {
    for (const mutation of members) {
      mutation.sending = sending;
      ledger.lanes.refresh(mutation);
    }
  }

  /** One mutation's way, top to bottom. */
  async function travel(groups: readonly Group[], route: string, signal: AbortSignal): Promise<void> {
    const send: Send = route === TRANSPORT && push !== undefined ? push : call;
    const unsendable = new Map<PendingMutation, SyncError>();
    const outgoing: Outgoing = {
      ledger,
      store,
      transport,
      sealedAt: clock.now(),
      createId: options.createId,
      failed: cannotMerge,
      unsendable: (mutation, error) => unsendable.set(mutation, error),
    };
    // Durable: from here it may have arrived.
    const ops = await outbox.seal(groups, (members, along) => freeze(members, along, outgoing));
    options.changed(groups.flatMap((group) => group.members));
    await outbox.refuse([...unsendable.keys()], (mutation) => whyUnsendable(mutation, unsendable, outgoing));
    if (ops.length === 0 || isAborted(signal)) return;
    if (!gates.enter(route)) return; // another request has heard meanwhile that it must wait
    const sentAt = clock.monotonic();
    const { sent, replies, bytes } = await send(ops, signal); // resolves whatever the network does
    measure(replies, clock.monotonic() - sentAt);
    if (isAborted(signal)) {
      gates.withdrawn(route);
      return; // unknown outcome: whoever drains next sends the same bytes again
    }
    const verdicts = sent.map((op, i) => reconcile(subjectOf(op), replies[i] ?? { kind: 'omitted' }));
    options.summary.request(bytes, sent, verdicts);
    learnOfServer(route, verdicts, replies);
    const { plain, behind, conflicts } = disputedIn(sent, verdicts);
    const decisions = [...plain.flatMap(({ op, verdict }) => decide(op, verdict)), ...behind];
    for (const { op, verdict } of conflicts) {
      const decision = arbiter.judge(op, verdict);
      if (decision instanceof Promise) wait(op.members, decision);
      else decisions.push(judged(decision));
    }
    await outbox.settle(decisions).catch((cause: unknown) => fail(verdicts, cause)); // durable first, then visible
  }

  function judged(decision: Decision): Decision {
    options.summary.judged(decision);
    return decision;
  }

  /** It stays in flight, and holds nobody else up. Where the answer is lost, the same bytes get the same refusal. */
  function wait(members: readonly PendingMutation[], decision: Promise<Decision>): void {
    const done = decision
      .then((decided) => outbox.settle([judged(decided)]))
      .catch(options.failed)
      .finally(() => {
        asking.delete(done);
        setSending(members, false);
        options.changed(members);
        wakeup.wake();
      });
    asking.set(done, members);
  }

  function measure(replies: readonly Reply[], roundTripMs: number): void {
    for (const reply of replies) {
      if (reply.kind !== 'answer' || reply.serverTime === undefined) continue;
      const { at, resolutionMs } = reply.serverTime;
      const sample = measureClock({ serverTime: at, resolutionMs, receivedAt: clock.now(), roundTripMs });
      if (sample !== undefined) serverClock = refineClock(serverClock, sample);
      return;
    }
  }

  /** What the request says of the server: what goes that way waits where `requestOutcome` says so. */
  function learnOfServer(route: string, verdicts: readonly Verdict[], replies: readonly Reply[]): void {
    const outcome = requestOutcome(verdicts, replies);
    needsAuth = outcome.unauthorized || (needsAuth && !outcome.answered);
    if (outcome.answered) reachability.proven();
    if (outcome.unreachable) reachability.disproven();
    gates.report(route, outcome);
  }

  /** What goes under one key waits for one time: it must go together again. */
  function failTogether(
    members: readonly PendingMutation[],
    error: SyncError,
    retryAfterMs?: number,
    attempts = 0,
  ): Failures {
    const failed = gates.failAgain(members[0]?.failures, error, retryAfterMs);
    const failures = { ...failed, unanswered: failed.unanswered + attempts };
    for (const mutation of members) {
      mutation.failures = failures;
      ledger.lanes.refresh(mutation);
    }
    return failures;
  }

  /** The decision to carry out; what is not decided waits in its own lane. */
  function decide(op: Op, verdict: Verdict | undefined): readonly Decision[] {
    const { members } = op;
    const key = idempotencyKey(op.sealed);
    // Another tab may have split it meanwhile: what became of it says nothing of those.
    const concerned = (): readonly PendingMutation[] => decidedBy(ledger, members, key);
    switch (verdict?.kind) {
      case 'accepted': {
        const { rows, result, ids = [] } = verdict;
        return [{ kind: 'accepted', members, key, rows, result, ids }];
      }
      case 'refused': {
        const { rows, error } = verdict;
        if (op.sealed.members !== undefined) return [{ kind: 'split', members, key, rows }];
        return [{ kind: 'refused', members, key, rows, error, unanswered: false }];
      }
      case 'retry': {
        const { unanswered } = failTogether(concerned(), verdict.error, verdict.retryAfterMs, 1);
        if (unanswered < options.retry.maxAttempts) return [];
        const error = givenUp(unanswered, verdict.error);
        const { retryAfterMs } = verdict;
        const wish = retryAfterMs === undefined ? {} : { retryAfterMs };
        return [{ kind: 'refused', members, key, rows: [], error, unanswered: true, ...wish }];
      }
      case 'hold':
        failTogether(concerned(), verdict.error);
        return [];
      case 'conflict':
      case 'undecided':
      case undefined:
        return [];
    }
  }

  return {
    run,
    wake: wakeup.wake,
    networkChanged() {
      gates.networkChanged();
      for (const mutation of ledger.pending.values()) {
        if (mutation.failures === undefined) continue;
        mutation.failures = { ...mutation.failures, dueAt: mutation.failures.floorAt };
        ledger.lanes.refresh(mutation);
      }
      wakeup.wake();
    },
    quiet: (of) =>
      new Promise((resolve) => {
        quietWaiters.set(resolve, of);
        wakeup.wake();
      }),
    get needsAuth() {
      // What was refused for it may have been accepted meanwhile: another tab's send, or an echo in a pull.
      return needsAuth && ledger.pending.size > 0;
    },
  };
}

function subjectOf({ members, sealed }: Op): Parameters<typeof reconcile>[0] {
  const [first] = members as [PendingMutation, ...PendingMutation[]];
  return { record: first.record, sealed, command: first.definition?.command ?? false };
}

function givenUp(attempts: number, cause: SyncError): SyncError {
  return new SyncError(
    'GIVEN_UP',
    `${attempts} attempts brought no answer (${cause.message}). It may have been carried out; retry sends the same key.`,
    { cause, details: { attempts } },
  );
}

/** The answer could not be stored: if the server failed, too, neither error hides the other (RT8). */
function fail(verdicts: readonly Verdict[], cause: unknown): never {
  const remote = verdicts.flatMap((verdict) => ('error' in verdict ? [verdict.error] : []))[0];
  if (remote === undefined) throw cause;
  const local =
    cause instanceof SyncError
      ? cause
      : new SyncError('STORAGE', 'The outbox could not be written.', { cause });
  throw new DualFailureError(remote, local);
}
