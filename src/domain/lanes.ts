import { createLaneGraph } from './laneGraph.js';
import type { Token } from './mutation.js';
import type { Queued } from './queued.js';
import { createReadyHeads, withdraw, type ReadyHeads } from './readyHeads.js';
import { byOrder, type Schedulable } from './schedulable.js';
import { selectRuns } from './selectRuns.js';

export { TRANSPORT, byOrder, inOrder, type Schedulable } from './schedulable.js';
export { AGING_MS } from './selectRuns.js';

/** What may go one way, now. */
export interface Gate {
  /** Nothing before this, monotonic milliseconds. */
  readonly at: number;
  /** Nothing but `critical`, own or lent, before this (RT5). What joins such a run goes with it. */
  readonly calmUntil: number;
  /** How many runs may start; 1 for a probe. */
  readonly room: number;
}

export interface Turn {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Whether the transport carries out a batch in order, so that one lane may have several runs in it. */
  readonly ordered: boolean;
  readonly gate: (route: string) => Gate;
  /** How many runs may be sent by their own functions, over all routes. */
  readonly alone: number;
  /**
   * Since when anything could be sent, monotonic milliseconds: only waiting after it raises a priority, or an hour
   * offline would put every import before a fresh `critical`. @default always
   */
  readonly openSince?: number;
}

/** Several mutations of the same lanes that go out as one. Neither function may change the index. */
export interface Run<M> {
  readonly members: readonly M[];
  /** Takes in the one that follows its last member, or says no. */
  join(next: M): boolean;
}

export interface Selection<R> {
  readonly batch: readonly R[];
  readonly alone: readonly R[];
  /**
   * When to look again at the earliest: when a head that only waits for it may go, or a gate that holds back
   * something ready lets it through; Infinity when none. What only lacks room is not in it: an answer makes room.
   */
  readonly nextAt: number;
}

/**
 * All pending mutations, so that the next ones to send are found without looking at the others.
 *
 * - SC1: a mutation goes only when all before it in its lanes are gone, or precede it in the same ordered batch, each as
 *   an op of its own: a merge that is refused is split, and what followed it would overtake its members (CO6).
 * - SC2: suspects last, then by priority, then by age. A mutation lends its priority to those it waits for.
 * - SC3: one that is in flight, held or waiting blocks its own lanes and its dependents, nothing else.
 */
export interface Lanes<M extends Schedulable> {
  /** It is filed at the next look after it was stored: before, it cannot go, and holds up nothing that can. */
  add(mutation: M): void;
  /** Files at most so many of those that wait for it, so that the next look need not; whether that was all. */
  file(most: number): boolean;
  remove(mutation: M): void;
  /** `dueAt`, `sending`, `suspect`, `closing`, `seq` or `place` of it has changed. */
  refresh(mutation: M): void;
  /** What to send now. It changes nothing: the same question has the same answer until something changes. */
  select<R extends Run<M>>(turn: Turn, begin: (first: M) => R): Selection<R>;
  /**
   * For each of `runs`, the members that still may go: those up to the first that is gone, that `may` forbids, or that
   * waits for anything but members that stay. None when the run is to be dropped. For use right before sealing: since
   * the choice, another tab's earlier mutation may have become known.
   * @param keep says how many of them stay, as far as what follows is concerned. @default all
   */
  inTurn<R extends Pick<Run<M>, 'members'>>(
    runs: readonly R[],
    may: (mutation: M, run: R) => boolean,
    keep?: (members: readonly M[], run: R) => number,
  ): readonly (readonly M[])[];
  /** All that name `token` in `dependsOn`, in order. */
  dependents(token: Token): readonly M[];
}

export function createLanes<M extends Schedulable>(): Lanes<M> {
  const routes = new Map<string, ReadyHeads<M>>();
  const graph = createLaneGraph<M>(rank);
  /** The time of the last selection: what was due then need not wait for the next to be ready. */
  let seen = 0;
  /** Not in the graph yet: a call does not pay for what only the next look needs. */
  let added: M[] = [];
  /** Those of the unfiled that name others. All of the unfiled, kept in a set, were a twentieth of what a call costs. */
  const naming = new Set<M>();
  /** How often `inTurn` was asked: what stays in one is marked with its number. */
  let turns = 0;

  /** Gives it the place among the heads that it deserves now. */
  function rank(queued: Queued<M>): void {
    if (queued.ticket !== undefined) withdraw(queued);
    if (queued.waitsFor > 0) return;
    const { route } = queued.mutation;
    let heads = routes.get(route);
    if (heads === undefined) routes.set(route, (heads = createReadyHeads()));
    heads.put(queued, seen);
  }

  function file(most = Infinity): boolean {
    const those = added;
    if (those.length === 0) return true;
    added = those.slice(most);
    those.slice(0, most).forEach((mutation) => {
      if (graph.get(mutation.token) === undefined) graph.add(mutation);
      else refresh(mutation);
    });
    return added.length === 0;
  }

  function forget(mutation: M): void {
    mutation.unfiled = false;
    naming.delete(mutation);
  }

  function refresh(mutation: M): void {
    if (mutation.unfiled && mutation.seq !== Infinity) {
      forget(mutation);
      added.push(mutation);
    }
    const queued = graph.get(mutation.token);
    if (queued === undefined) return;
    if (byOrder(queued, mutation) !== 0) graph.move(queued);
    else rank(queued);
  }

  return {
    add(mutation) {
      mutation.unfiled = mutation.seq === Infinity;
      if (!mutation.unfiled) added.push(mutation);
      else if (mutation.dependsOn.length > 0) naming.add(mutation);
    },
    file,
    remove(mutation) {
      file();
      forget(mutation);
      const queued = graph.get(mutation.token);
      if (queued === undefined) return;
      graph.remove(queued);
      if (queued.ticket !== undefined) withdraw(queued);
    },
    refresh,
    select(turn, begin) {
      file();
      seen = turn.now;
      return selectRuns(graph, routes, turn, begin);
    },
    inTurn(runs, may, keep = (members) => members.length) {
      file();
      const turn = ++turns;
      return runs.map((run) => {
        const members: M[] = [];
        const staying: Queued<M>[] = [];
        run.members.every((mutation) => {
          const queued = graph.get(mutation.token);
          if (queued === undefined || !may(mutation, run) || !graph.waitsOnlyFor(queued, turn)) return false;
          queued.turn = turn;
          staying.push(queued);
          members.push(mutation);
          return true;
        });
        for (let i = keep(members, run); i < staying.length; i++) (staying[i] as Queued<M>).turn = 0;
        return members;
      });
    },
    dependents(token) {
      file();
      const filed = [...graph.naming(token)].map(({ mutation }) => mutation);
      return [...filed, ...[...naming].filter(({ dependsOn }) => dependsOn.includes(token))].sort(byOrder);
    },
  };
}
