import { PRIORITIES, type Lane, type Priority, type Token } from './mutation.js';

/** What scheduling needs to know of a mutation. */
export interface Schedulable {
  readonly token: Token;
  readonly lanes: readonly Lane[];
  readonly priority: Priority;
  readonly dependsOn: readonly Token[];
  /** Sent by its own function, alone, rather than with others through the transport. */
  readonly alone: boolean;
  /** It has failed before. */
  readonly suspect: boolean;
  /** In flight now. */
  readonly sending: boolean;
  /** Monotonic milliseconds before which it must not be sent; Infinity while it is parked or not durable. */
  readonly dueAt: number;
}

export interface ScheduleLimits {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** How many more may be sent alone. */
  readonly alone: number;
  /** How many may go in the next batch; 0 while one is in flight or the transport must wait. */
  readonly batch: number;
  /** Whether the transport carries out a batch in order, so that one lane may have several in it. */
  readonly ordered: boolean;
}

export interface Schedule<M> {
  readonly batch: readonly M[];
  readonly alone: readonly M[];
  /** The earliest `dueAt` of a mutation that only waits for it; Infinity when none does. */
  readonly nextDueAt: number;
}

/**
 * Picks what to send next from `queue`, which is in order.
 *
 * - SC1: a mutation goes only when all before it in its lanes are decided, or precede it in the same ordered batch.
 * - SC2: heads go by priority, then age. A mutation lends its priority to those it waits for.
 * - SC3: one that is in flight, held or waiting blocks its own lanes and its dependents, nothing else. One that has
 *   failed goes last: a server that stops a batch at it must not keep the others from being decided.
 */
export function schedule<M extends Schedulable>(queue: Iterable<M>, limits: ScheduleLimits): Schedule<M> {
  const blocked = new Set<Lane>();
  /** Lanes open only to those who ride in the same ordered batch. */
  const riding = new Set<Lane>();
  const undecided = new Set<Token>();
  const batchable = new Set<Token>();
  const candidates = new Set<M>();
  const all: M[] = [];
  let nextDueAt = Infinity;
  for (const mutation of queue) {
    const { token, lanes } = mutation;
    const rides = limits.ordered && !mutation.alone;
    all.push(mutation);
    undecided.add(token);
    const free =
      !mutation.sending &&
      !lanes.some((lane) => blocked.has(lane) || (!rides && riding.has(lane))) &&
      mutation.dependsOn.every((t) => !undecided.has(t) || (rides && batchable.has(t)));
    const ready = free && mutation.dueAt <= limits.now;
    if (free && !ready) nextDueAt = Math.min(nextDueAt, mutation.dueAt);
    if (ready) candidates.add(mutation);
    if (ready && rides) batchable.add(token);
    for (const lane of lanes) (ready && rides ? riding : blocked).add(lane);
  }
  const batch: M[] = [];
  const alone: M[] = [];
  // Nothing may overtake within a lane when a limit cuts the list: what is left out closes its lanes too.
  const closed = new Set<Lane>();
  const left = new Set<Token>();
  for (const mutation of inTurn(candidates, all)) {
    const list = mutation.alone ? alone : batch;
    const room = list.length < (mutation.alone ? limits.alone : limits.batch);
    if (
      room &&
      !mutation.lanes.some((lane) => closed.has(lane)) &&
      !mutation.dependsOn.some((t) => left.has(t))
    )
      list.push(mutation);
    else {
      left.add(mutation.token);
      for (const lane of mutation.lanes) closed.add(lane);
    }
  }
  return { batch, alone, nextDueAt };
}

/**
 * The candidates: suspects last, then by priority, then by age. What shares a lane keeps its order: a mutation has at
 * least the priority of any later one of its lanes, sendable or not (inheritance), and what follows a suspect is one.
 */
function inTurn<M extends Schedulable>(candidates: ReadonlySet<M>, all: readonly M[]): M[] {
  const suspected = new Set<string>();
  const suspects = new Set<M>();
  for (const mutation of candidates) {
    if (!mutation.suspect && ![...mutation.lanes, ...mutation.dependsOn].some((key) => suspected.has(key)))
      continue;
    suspects.add(mutation);
    for (const key of [...mutation.lanes, mutation.token]) suspected.add(key);
  }
  const lent = new Map<string, number>();
  const ranks = new Map<M, number>();
  for (const mutation of [...all].reverse()) {
    let rank: number = PRIORITIES.indexOf(mutation.priority);
    for (const key of [...mutation.lanes, mutation.token]) rank = Math.min(rank, lent.get(key) ?? rank);
    for (const key of [...mutation.lanes, ...mutation.dependsOn])
      lent.set(key, Math.min(rank, lent.get(key) ?? rank));
    ranks.set(mutation, suspects.has(mutation) ? rank + PRIORITIES.length : rank);
  }
  return [...candidates].sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
}
