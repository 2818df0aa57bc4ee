import { PRIORITIES, type Lane, type Token } from './mutation.js';
import type { Link, Queued } from './queued.js';
import { isBefore, type Schedulable } from './schedulable.js';

/**
 * Which pending mutation waits for which (SC1): for the one before it in each of its lanes, and for those it depends
 * on that come earlier. A dependency on something later or unknown counts for nothing, so no circle can form.
 */
export interface LaneGraph<M> {
  get(token: Token): Queued<M> | undefined;
  add(mutation: M): void;
  remove(queued: Queued<M>): void;
  /** Its `seq` or `place` has changed. */
  move(queued: Queued<M>): void;
  /** Whether all that it waits for is marked with that `turn`. */
  waitsOnlyFor(queued: Queued<M>, turn: number): boolean;
  /** What waits for it, as often as it does. */
  behind(queued: Queued<M>): readonly Queued<M>[];
  /** What it depends on and waits for. */
  needs(queued: Queued<M>): readonly Queued<M>[];
  /** The next one, if it has exactly the same lanes and is the next in each. */
  follower(queued: Queued<M>): Queued<M> | undefined;
  /** All that name the token, earlier ones too. */
  naming(token: Token): Iterable<Queued<M>>;
}

/** `changed` hears of each that has become a head, or is none any more, or has been lent a better rank. */
export function createLaneGraph<M extends Schedulable>(changed: (queued: Queued<M>) => void): LaneGraph<M> {
  const known = new Map<Token, Queued<M>>();
  const named = new Map<Token, Set<Queued<M>>>();
  const lasts = new Map<Lane, Link<M>>();
  /** Where something was put in the middle of a lane last: those that follow it come next to it. */
  let finger: Link<M> | undefined;
  /** Those that were lifted and have yet to pass that on: empty but while `lend` runs. */
  const lenders: Queued<M>[] = [];

  function needs(queued: Queued<M>): readonly Queued<M>[] {
    if (queued.needs.length === 0) return NONE;
    const all = queued.needs.flatMap((token) => known.get(token) ?? []);
    return all.filter((needed) => isBefore(needed, queued));
  }

  function dependents(queued: Queued<M>): readonly Queued<M>[] {
    if (named.size === 0) return NONE;
    const those = named.get(queued.mutation.token);
    return those === undefined ? NONE : [...those].filter((one) => isBefore(queued, one));
  }

  function behind(queued: Queued<M>): readonly Queued<M>[] {
    const found: Queued<M>[] = [];
    for (const { next } of queued.links) if (next !== undefined) found.push(next.owner);
    found.push(...dependents(queued));
    return found;
  }

  function shift(queued: Queued<M>, by: 1 | -1): void {
    queued.waitsFor += by;
    if (queued.waitsFor === (by === 1 ? 1 : 0)) changed(queued);
  }

  const hold = (queued: Queued<M>): void => shift(queued, 1);
  const free = (queued: Queued<M>): void => shift(queued, -1);

  /** Puts it into its lane; almost always at the end, else the search begins at the finger. */
  function enter(link: Link<M>): void {
    const last = lasts.get(link.lane);
    if (last === undefined || !isBefore(link.owner, last.owner)) {
      link.previous = last;
      link.next = undefined;
      if (last !== undefined) last.next = link;
      lasts.set(link.lane, link);
      return;
    }
    let previous: Link<M> | undefined = finger?.lane === link.lane ? finger : last;
    let next = previous.next;
    while (previous !== undefined && isBefore(link.owner, previous.owner)) {
      next = previous;
      previous = previous.previous;
    }
    while (next !== undefined && isBefore(next.owner, link.owner)) {
      previous = next;
      next = next.next;
    }
    link.previous = previous;
    link.next = next;
    if (previous !== undefined) previous.next = link;
    finger = link;
    if (next === undefined) return; // never: the last one comes after it
    next.previous = link;
    if (previous === undefined) hold(next.owner);
  }

  function leave(link: Link<M>): void {
    const { lane, previous, next } = link;
    if (finger === link) finger = undefined;
    if (previous !== undefined) previous.next = next;
    if (next !== undefined) {
      next.previous = previous;
      if (previous === undefined) free(next.owner);
    } else if (previous !== undefined) lasts.set(lane, previous);
    else lasts.delete(lane);
  }

  function count({ owner, previous, next }: Link<M>): void {
    if (previous !== undefined) owner.waitsFor++;
    if (next !== undefined) owner.rank = Math.min(owner.rank, next.owner.rank);
  }

  /** Counts what it waits for, and passes ranks on. */
  function settle(queued: Queued<M>): void {
    queued.waitsFor = needs(queued).length;
    queued.links.forEach(count);
    queued.rank = dependents(queued).reduce((best, { rank }) => Math.min(best, rank), queued.rank);
    changed(queued);
    lend(queued);
  }

  /**
   * Invariant: nobody's rank is worse than that of one behind it, so lending ends at the first that is as good already,
   * and no mutation is lifted more often than there are ranks. What was lent is kept when its cause is gone: it waited.
   */
  function lend(from: Queued<M>): void {
    for (let lender: Queued<M> | undefined = from; lender !== undefined; lender = lenders.pop()) {
      lender.links.forEach(lendBack);
      if (lender.needs.length > 0) for (const one of needs(lender)) lift(one, lender.rank);
    }
  }

  const lendBack = ({ owner, previous }: Link<M>): void => lift(previous?.owner, owner.rank);

  function lift(one: Queued<M> | undefined, rank: number): void {
    if (one === undefined || one.rank <= rank) return;
    one.rank = rank;
    changed(one);
    lenders.push(one);
  }

  return {
    get: (token) => known.get(token),
    add(mutation) {
      const { token, lanes, dependsOn, seq, place, priority } = mutation;
      const rank = PRIORITIES.indexOf(priority);
      const queued: Queued<M> & { links: readonly Link<M>[] } = {
        mutation,
        seq,
        place,
        rank,
        waitsFor: 0,
        links: [],
        needs: once(dependsOn),
        turn: 0,
        ticket: undefined,
      };
      known.set(token, queued);
      queued.needs.forEach((need) => {
        const those = named.get(need);
        if (those === undefined) named.set(need, new Set([queued]));
        else those.add(queued);
      });
      // Not pushed one by one: then the list would have room for sixteen more, which none of thousands needs.
      queued.links = once(lanes).map((lane) => ({
        owner: queued,
        lane,
        previous: undefined,
        next: undefined,
      }));
      queued.links.forEach(enter);
      dependents(queued).forEach(hold);
      settle(queued);
    },
    remove(queued) {
      known.delete(queued.mutation.token);
      queued.links.forEach(leave);
      queued.needs.forEach((need) => {
        const those = named.get(need);
        those?.delete(queued);
        if (those?.size === 0) named.delete(need);
      });
      dependents(queued).forEach(free);
    },
    move(queued) {
      dependents(queued).forEach(free);
      queued.seq = queued.mutation.seq;
      queued.place = queued.mutation.place;
      for (const link of queued.links) {
        const { previous, next } = link;
        if (
          (previous === undefined || isBefore(previous.owner, queued)) &&
          (next === undefined || isBefore(queued, next.owner))
        )
          continue;
        leave(link);
        finger = previous ?? next;
        enter(link);
      }
      dependents(queued).forEach(hold);
      settle(queued);
    },
    waitsOnlyFor(queued, turn) {
      // Asked of each of thousands, so no function is made for it.
      for (let i = 0; i < queued.links.length; i++) {
        const previous = queued.links[i]?.previous;
        if (previous !== undefined && previous.owner.turn !== turn) return false;
      }
      return queued.needs.length === 0 || needs(queued).every((one) => one.turn === turn);
    },
    behind,
    needs,
    follower({ links }) {
      const next = links[0]?.next?.owner;
      if (next?.links.length !== links.length) return undefined;
      for (let i = 1; i < links.length; i++) if (links[i]?.next?.owner !== next) return undefined;
      return next;
    },
    naming: (token) => named.get(token) ?? [],
  };
}

/** Most depend on nothing, and nothing depends on them. */
const NONE: readonly never[] = [];

/** A mutation that named a lane twice would wait for itself. */
function once<T>(list: readonly T[]): readonly T[] {
  return list.length < 2 ? list : [...new Set(list)];
}
