import type { RetryOptions } from '../domain/backoff.js';
import type { AnyCollection } from '../domain/collection.js';
import { DualFailureError, SyncError } from '../domain/errors.js';
import { TRANSPORT } from '../domain/lanes.js';
import { reconcile, type Verdict } from '../domain/reconcile.js';
import { isAborted } from './abortable.js';
import { createArbiter } from './arbiter.js';
import { createChooser, type UnderWay } from './chooser.js';
import { createDecider } from './decider.js';
import { disputedIn } from './disputed.js';
import type { Decision } from './settle.js';
import { freeze, neverSent, type Outgoing } from './freeze.js';
import type { Gates } from './gates.js';
import type { Ledger } from './ledger.js';
import type { Outbox } from './outbox.js';
import { ownTask } from './ownTask.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Clock, Transport } from './ports.js';
import { createQuiet } from './quiet.js';
import type { Reachability } from './reachability.js';
import { stillToSend, type Group, type Op } from './seal.js';
import { sendByOwnFunction, sendThrough, withTimeout, type Send } from './sender.js';
import type { Store } from './store.js';
import type { SummaryCounter } from './summary.js';
import { createWakeup } from './wakeup.js';

/** So many take some milliseconds. */
const MANY_FILED = 4_000;

/** Sends what the outbox holds, for ever, in order (SC, RT). One runs per client, while it holds the lease. */
export interface Worker {
  run(signal: AbortSignal): Promise<void>;
  /** Something changed: look again. */
  readonly wake: () => void;
  /** The network may be back: try again without waiting for a backoff, but never below a `Retry-After` floor (RT2). */
  networkChanged(): void;
  /** Resolves when nothing is in flight and nothing is ready to be sent, or before, when all of these are decided or held. */
  quiet(of?: (mutation: PendingMutation) => boolean): Promise<void>;
  /** Looks for what may be sent, or has sent something: what comes of it is stored. */
  readonly isBusy: boolean;
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
  /** After anything has changed that status shows: these have come back, decided or not. */
  readonly changed: (mutations: readonly PendingMutation[]) => void;
  readonly failed: (error: unknown) => void;
}

export function createWorker(options: WorkerOptions): Worker {
  const { ledger, outbox, store, transport, clock, gates, reachability } = options;
  const wakeup = createWakeup(clock);
  const push = transport && withTimeout(sendThrough(transport), options.timeoutMs, clock);
  const call = withTimeout(sendByOwnFunction(options.failed), options.timeoutMs, clock);
  /** What is under way. */
  const inFlight = new Map<Promise<void>, UnderWay>();
  /** Until the last request through the transport has its answer. */
  let line: Promise<unknown> = Promise.resolve();
  /** Resolvers that have not answered yet: only their lanes wait (SC3). */
  const asking = new Map<Promise<void>, readonly PendingMutation[]>();
  let isLooking = false;
  const quiet = createQuiet(ledger);

  /** Told once: it is met again at every look. */
  const told = new Set<string>();
  function cannotMerge(error: SyncError): void {
    if (told.has(error.message)) return;
    told.add(error.message);
    options.failed(error);
  }

  const chooser = createChooser({ ...options, cannotMerge });
  const decider = createDecider(options);
  const arbiter = createArbiter({ ...options, serverClock: () => decider.serverClock });

  async function run(signal: AbortSignal): Promise<void> {
    gates.begin();
    while (!signal.aborted) {
      isLooking = true;
      do await ownTask(ledger, clock);
      while (!ledger.lanes.file(MANY_FILED));
      const lookAgainAt = startSendsSafely(signal);
      isLooking = false;
      quiet.tell(inFlight.size + asking.size === 0);
      await wakeup.wait(lookAgainAt, signal);
    }
    await Promise.all([...inFlight.keys(), ...asking.keys()]);
    quiet.tell(true);
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
    if (together.length > 0) {
      start(together, TRANSPORT, signal);
      wakeup.wake(); // the next one may be sealed with it
    }
    for (const group of alone) start([group], group.members[0]?.route ?? TRANSPORT, signal);
    return nextAt;
  }

  function start(groups: readonly Group[], route: string, signal: AbortSignal): void {
    const members = groups.flatMap((group) => group.members);
    members.forEach((mutation) => (mutation.sending = true));
    for (const { members: own } of groups) ledger.lanes.refresh(own[0] as PendingMutation); // the others wait for it
    reachability.tried();
    const underWay: UnderWay = { route, members, isAnswered: false };
    const done = travel(groups, underWay, signal)
      .catch((error: unknown) => {
        // What was sealed stays sealed and is sent again with the same key.
        options.failed(error);
        const reason =
          error instanceof SyncError
            ? error
            : new SyncError('STORAGE', 'The outbox could not be written.', { cause: error });
        for (const group of groups) decider.failTogether(group.members, reason);
      })
      .finally(() => {
        const asked = new Set([...asking.values()].flat());
        returned(members.filter((mutation) => !asked.has(mutation)));
        inFlight.delete(done);
        options.changed(members);
        wakeup.wake();
      });
    inFlight.set(done, underWay);
  }

  function returned(members: readonly PendingMutation[]): void {
    members.forEach((mutation) => {
      if (!mutation.inLedger) return; // mostly all have left
      mutation.sending = false;
      ledger.lanes.refresh(mutation);
    });
  }

  /** One mutation's way, top to bottom. */
  async function travel(groups: readonly Group[], underWay: UnderWay, signal: AbortSignal): Promise<void> {
    const { route } = underWay;
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
    const ops = await outbox.seal(groups, (members, group, along) => freeze(members, group, along, outgoing));
    options.changed([]);
    if (unsendable.size > 0) await outbox.settle(() => neverSent(unsendable, outgoing));
    const { revision } = ledger;
    await ownTask(ledger, clock); // to show what was stored with them was a task
    const now = (): readonly Op[] => (ledger.revision === revision ? ops : stillToSend(ledger, ops));
    const send = (): Promise<Answered | undefined> => exchange(now(), route, signal);
    const answer = await (route === TRANSPORT && transport?.ordered === true ? inLine(send) : send());
    if (answer === undefined) return; // whoever drains next sends the same bytes
    const { sent, verdicts } = answer;
    underWay.isAnswered = true;
    wakeup.wake(); // one more may be sealed, with what becomes of these
    const { plain, behind, conflicts } = disputedIn(sent, verdicts);
    const decisions = [...plain.flatMap(({ op, verdict }) => decider.decide(op, verdict)), ...behind];
    for (const { op, verdict } of conflicts) {
      const decision = arbiter.judge(op, verdict);
      if (decision instanceof Promise) wait(op.members, decision, verdict.error);
      else decisions.push(decider.judged(decision, verdict.error));
    }
    // Durable first, then visible.
    if (decisions.length > 0)
      await outbox.settle(() => decisions).catch((cause: unknown) => fail(verdicts, cause));
  }

  /** One after the other: what was sealed while another request was under way goes when that has its answer (SC1). */
  function inLine<R>(work: () => Promise<R>): Promise<R> {
    const done = line.then(work);
    line = done.catch(() => undefined);
    return done;
  }

  /** One request, and what is learnt from its answer; undefined where it must not go, or nobody wants to know any more. */
  async function exchange(
    ops: readonly Op[],
    route: string,
    signal: AbortSignal,
  ): Promise<Answered | undefined> {
    if (ops.length === 0 || isAborted(signal)) return undefined;
    // Since it was chosen, another request may have heard that it must wait.
    if (gates.gate(route).at > clock.monotonic() || !gates.enter(route)) return undefined;
    const send: Send = route === TRANSPORT && push !== undefined ? push : call;
    wakeup.wake(); // meanwhile the next batch may be sealed
    const sentAt = clock.monotonic();
    const { sent, replies, bytes } = await send(ops, signal); // resolves whatever the network does
    const roundTripMs = clock.monotonic() - sentAt;
    if (isAborted(signal)) {
      gates.withdrawn(route);
      return undefined;
    }
    const verdicts = sent.map((op, i) => reconcile(subjectOf(op), replies[i] ?? { kind: 'omitted' }));
    options.summary.request(bytes, sent, verdicts);
    decider.heard(route, verdicts, replies, roundTripMs);
    return { sent, verdicts };
  }

  /** It stays in flight, and holds nobody else up. Where the answer is lost, the same bytes get the same refusal. */
  function wait(members: readonly PendingMutation[], decision: Promise<Decision>, error: SyncError): void {
    const done = decision
      .then((decided) => {
        const judged = decider.judged(decided, error);
        return outbox.settle(() => [judged]);
      })
      .catch(options.failed)
      .finally(() => {
        asking.delete(done);
        returned(members);
        options.changed(members);
        wakeup.wake();
      });
    asking.set(done, members);
  }

  return {
    run,
    wake: wakeup.wake,
    networkChanged() {
      gates.networkChanged();
      wakeup.wake();
      if (ledger.tally.held + ledger.tally.sending === 0) return; // nothing has failed
      for (const mutation of ledger.pending.values()) {
        if (mutation.failures === undefined) continue;
        mutation.failures = { ...mutation.failures, dueAt: mutation.failures.floorAt };
        ledger.lanes.refresh(mutation);
      }
    },
    quiet(of) {
      wakeup.wake();
      return quiet.wait(of);
    },
    get isBusy() {
      return isLooking || inFlight.size > 0;
    },
    get needsAuth() {
      // What was refused for it may have been accepted meanwhile: another tab's send, or an echo in a pull.
      return decider.needsAuth && ledger.pending.size > 0;
    },
  };
}

interface Answered {
  readonly sent: readonly Op[];
  readonly verdicts: readonly Verdict[];
}

function subjectOf({ members, sealed }: Op): Parameters<typeof reconcile>[0] {
  const [first] = members as [PendingMutation, ...PendingMutation[]];
  return { record: first.record, sealed, command: first.definition?.command ?? false };
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
