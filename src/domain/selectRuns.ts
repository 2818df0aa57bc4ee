import type { LaneGraph } from './laneGraph.js';
import type { Gate, Run, Selection, Turn } from './lanes.js';
import { PRIORITIES } from './mutation.js';
import type { Queued, Ticket } from './queued.js';
import { createReadyHeads, type ReadyHeads } from './readyHeads.js';
import { isBefore, TRANSPORT, type Schedulable } from './schedulable.js';

/** Waiting this long, in milliseconds, counts as much as the next better priority (SC2). */
export const AGING_MS = 60_000;

/** Heads that compete for the same room. */
interface Line<M> {
  readonly heads: ReadyHeads<M>;
  /** Only `critical` goes. */
  readonly calm: boolean;
  room: number;
}

/** The first of a line. */
interface Front<M> {
  readonly ticket: Ticket<M>;
  readonly line: Line<M>;
  readonly suspect: boolean;
}

/**
 * Picks the runs to send next. What is picked leaves its heap meanwhile and comes back at the end, so the index is as
 * it was. It costs O(log n) for each pick, and a look at each that follows it or depends on it.
 */
export function selectRuns<M extends Schedulable, R extends Run<M>>(
  graph: LaneGraph<M>,
  routes: ReadonlyMap<string, ReadyHeads<M>>,
  turn: Turn,
  begin: (first: M) => R,
): Selection<R> {
  const { now, openSince = -Infinity } = turn;
  const picked: Ticket<M>[] = [];
  const released: Queued<M>[] = [];
  /** What may ride behind what is in the batch already; they are no heads yet. */
  const riders = createReadyHeads<M>();
  /** Those behind what is in the batch: how many they still wait for, and whether they follow a suspect or are one. */
  const behind = new Map<Queued<M>, { waitsFor: number; suspect: boolean }>();

  function pick(lines: readonly Line<M>[], limit: number, ride: boolean): R[] {
    const runs: R[] = [];
    while (runs.length < limit) {
      const best = firstOf(lines, now, openSince);
      if (best === undefined) break;
      const { ticket, line, suspect } = best;
      const first = ticket.owner;
      ticket.heap.pop();
      if (!mayGo(first.mutation, now)) {
        // Nobody said that it has changed: then it goes late, but it never goes early.
        first.ticket = undefined;
        line.heads.put(first, now);
        continue;
      }
      picked.push(ticket);
      line.room--;
      const run = begin(first.mutation);
      absorb(graph, first, run, now);
      runs.push(run);
      // A refused merge is split, and its members go again: what followed would overtake them (CO5, CO6).
      if (ride && run.members.length === 1) release(first, suspect);
    }
    return runs;
  }

  /** Lets those ride that wait for nothing but what is in the batch. What follows a suspect is one (SC2). */
  function release(first: Queued<M>, suspect: boolean): void {
    if (first.mutation.closing) return;
    for (const one of graph.behind(first)) {
      if (one.mutation.route !== TRANSPORT) continue;
      const left = behind.get(one) ?? { waitsFor: one.waitsFor, suspect: one.mutation.suspect };
      behind.set(one, left);
      left.waitsFor--;
      left.suspect ||= suspect;
      if (left.waitsFor > 0) continue;
      riders.putReady(one, left.suspect);
      released.push(one);
    }
  }

  let nextAt = Infinity;
  const gates = new Map<ReadyHeads<M>, Gate>();
  const lines: Line<M>[] = [];
  let through: Line<M> | undefined;
  for (const [route, heads] of routes) {
    const gate = turn.gate(route);
    gates.set(heads, gate);
    heads.wake(now);
    const calm = gate.calmUntil > now;
    if (gate.at > now) {
      if (heads.hasReady(0)) nextAt = Math.min(nextAt, gate.at);
      continue;
    }
    if (calm && heads.hasReady(1)) nextAt = Math.min(nextAt, gate.calmUntil);
    const line = { heads, calm, room: gate.room };
    if (route === TRANSPORT) through = line;
    else lines.push(line);
  }
  try {
    const together = through && [through, { heads: riders, calm: through.calm, room: Infinity }];
    const batch = together ? pick(together, through?.room ?? 0, turn.ordered) : [];
    const alone = pick(lines, turn.alone, false);
    for (const [heads, { at }] of gates) nextAt = Math.min(nextAt, Math.max(heads.nextDueAt, at));
    return { batch, alone, nextAt };
  } finally {
    for (const ticket of picked) ticket.heap.push(ticket);
    for (const rider of released) rider.ticket = undefined;
  }
}

function mayGo(mutation: Schedulable, now: number): boolean {
  return !mutation.sending && mutation.dueAt <= now;
}

/**
 * The first of all heads: suspects last, then by rank and what waiting adds to it, then by order (SC2). Within one rank
 * it is the order that counts, so only the first of each rank compete.
 */
function firstOf<M extends Schedulable>(
  lines: readonly Line<M>[],
  now: number,
  openSince: number,
): Front<M> | undefined {
  for (const suspect of [false, true]) {
    let best: Front<M> | undefined;
    let bestAged = Infinity;
    for (let rank = 0; rank < PRIORITIES.length; rank++) {
      let front: Front<M> | undefined;
      for (const line of lines) {
        const ticket = line.room > 0 && (rank === 0 || !line.calm) && line.heads.first(rank, suspect);
        if (ticket && (front === undefined || isBefore(ticket, front.ticket)))
          front = { ticket, line, suspect };
      }
      if (front === undefined) continue;
      const since = Math.max(front.ticket.owner.mutation.since, openSince);
      const aged = rank - Math.floor(Math.max(0, now - since) / AGING_MS);
      if (best === undefined || aged < bestAged || (aged === bestAged && isBefore(front.ticket, best.ticket)))
        [best, bestAged] = [front, aged];
    }
    if (best !== undefined) return best;
  }
  return undefined;
}

/** Lets `run` take in what follows its last member and may go with it; what joins it goes in its place. */
function absorb<M extends Schedulable>(
  graph: LaneGraph<M>,
  first: Queued<M>,
  run: Run<M>,
  now: number,
): void {
  const { route, suspect } = first.mutation;
  /** Made when something depends on anything: mostly nothing does. */
  let members: Set<M> | undefined;
  for (let next = graph.follower(first); next !== undefined; next = graph.follower(next)) {
    const { mutation } = next;
    if (mutation.route !== route || !mayGo(mutation, now) || (mutation.suspect && !suspect)) break;
    let free = true;
    if (next.needs.length > 0)
      for (const needed of graph.needs(next))
        free &&= (members ??= new Set(run.members)).has(needed.mutation);
    if (!free || !run.join(mutation)) break;
    members?.add(mutation);
  }
}
