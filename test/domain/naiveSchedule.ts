import {
  AGING_MS,
  byOrder,
  TRANSPORT,
  type Run,
  type Schedulable,
  type Selection,
  type Turn,
} from '../../src/domain/lanes.js';
import { PRIORITIES, type Token } from '../../src/domain/mutation.js';

/** What was lent is kept, so ranks have a history: to be brought up to date after every change. */
export type Ranks = ReadonlyMap<Token, number>;

/** The rules of SC read aloud: all is computed anew from the whole of `pending`, in any order. The index must agree. */
export function naiveSchedule<M extends Schedulable, R extends Run<M>>(
  pending: readonly M[],
  ranks: Ranks,
  turn: Turn,
  begin: (first: M) => R,
): Selection<R> {
  const { now, ordered } = turn;
  const queue = pending.toSorted(byOrder);
  const gates = new Map([...new Set(queue.map(({ route }) => route))].map((r) => [r, turn.gate(r)]));
  const gateOf = ({ route }: M) => gates.get(route)!;
  const started = new Map<string, number>();
  const rankOf = ({ token }: M): number => ranks.get(token)!;
  const due = (m: M): boolean => !m.sending && m.dueAt <= now;
  /** Those in the batch that others may ride behind, and whether they count as suspects. */
  const riding = new Map<M, boolean>();
  const taken = new Set<M>();

  const mayStart = (m: M, rides: boolean): boolean => {
    const { at, calmUntil, room } = gateOf(m);
    return (
      !taken.has(m) &&
      due(m) &&
      at <= now &&
      (calmUntil <= now || rankOf(m) === 0) &&
      (started.get(m.route) ?? 0) < room &&
      waitsFor(queue, m).every((earlier) => rides && riding.has(earlier))
    );
  };
  const isSuspect = (m: M): boolean =>
    m.suspect || waitsFor(queue, m).some((one) => riding.get(one) === true);
  const aged = (m: M): number => rankOf(m) - Math.floor(Math.max(0, now - m.since) / AGING_MS);

  const best = (ready: readonly M[]): M | undefined => {
    const sound = ready.filter((m) => !isSuspect(m));
    const among = sound.length > 0 ? sound : ready;
    const fronts = PRIORITIES.map((_, rank) => among.find((m) => rankOf(m) === rank)).filter(
      (m) => m !== undefined,
    );
    return fronts.toSorted((a, b) => aged(a) - aged(b) || byOrder(a, b))[0];
  };

  const absorb = (first: M, run: R): M[] => {
    const members = [first];
    for (;;) {
      const rest = queue.slice(queue.indexOf(members.at(-1)!) + 1);
      const next = rest.find((m) => shareLane(m, first));
      if (
        next === undefined ||
        !sameLanes(next, first) ||
        next.route !== first.route ||
        !due(next) ||
        (next.suspect && !first.suspect) ||
        needs(queue, next).some((m) => !members.includes(m)) ||
        !run.join(next)
      )
        return members;
      members.push(next);
    }
  };

  const pick = (among: readonly M[], limit: number, rides: boolean): R[] => {
    const runs: R[] = [];
    while (runs.length < limit) {
      const first = best(among.filter((m) => mayStart(m, rides)));
      if (first === undefined) break;
      const suspect = isSuspect(first);
      const run = begin(first);
      const members = absorb(first, run);
      runs.push(run);
      started.set(first.route, (started.get(first.route) ?? 0) + 1);
      for (const m of members) taken.add(m);
      if (members.length === 1 && !members[0]?.closing) for (const m of members) riding.set(m, suspect);
    }
    return runs;
  };

  const heads = queue.filter((m) => !m.sending && waitsFor(queue, m).length === 0);
  const times = heads.map((m) => {
    const { at, calmUntil } = gateOf(m);
    if (m.dueAt > now) return Math.max(m.dueAt, at);
    if (at > now) return at;
    return calmUntil > now && rankOf(m) > 0 ? calmUntil : Infinity;
  });
  const batch = pick(
    queue.filter((m) => m.route === TRANSPORT),
    Infinity,
    ordered,
  );
  const alone = pick(
    queue.filter((m) => m.route !== TRANSPORT),
    turn.alone,
    false,
  );
  return { batch, alone, nextAt: Math.min(Infinity, ...times) };
}

/** What must still be sent of `runs`, each member judged by all that precedes it. */
export function naiveInTurn<M extends Schedulable>(
  pending: readonly M[],
  runs: readonly Run<M>[],
  may: (mutation: M) => boolean,
): M[][] {
  const queue = pending.toSorted(byOrder);
  const staying = new Set<M>();
  return runs.map(({ members }) => {
    const end = members.findIndex((m) => {
      const stays = queue.includes(m) && may(m) && waitsFor(queue, m).every((one) => staying.has(one));
      if (stays) staying.add(m);
      return !stays;
    });
    return members.slice(0, end === -1 ? members.length : end);
  });
}

/** Ranks after a change: each has at least its own priority, what it was lent, and the rank of what waits for it and is stored. */
export function lendRanks(pending: readonly Schedulable[], former: Ranks): Ranks {
  const queue = pending.toSorted(byOrder);
  const ranks = new Map<Token, number>();
  for (const m of queue.toReversed()) {
    const behind = queue.filter((later) => later.seq < Infinity && waitsFor(queue, later).includes(m));
    const lent = behind.map(({ token }) => ranks.get(token)!);
    ranks.set(m.token, Math.min(PRIORITIES.indexOf(m.priority), former.get(m.token) ?? Infinity, ...lent));
  }
  return ranks;
}

/** All that precedes it in its lanes, and the earlier ones that it depends on. */
export function waitsFor<M extends Schedulable>(queue: readonly M[], mutation: M): M[] {
  return queue.filter(
    (one) =>
      byOrder(one, mutation) < 0 && (shareLane(one, mutation) || mutation.dependsOn.includes(one.token)),
  );
}

function needs<M extends Schedulable>(queue: readonly M[], mutation: M): M[] {
  return waitsFor(queue, mutation).filter(({ token }) => mutation.dependsOn.includes(token));
}

function shareLane(a: Schedulable, b: Schedulable): boolean {
  return a.lanes.some((lane) => b.lanes.includes(lane));
}

function sameLanes(a: Schedulable, b: Schedulable): boolean {
  return (
    new Set([...a.lanes, ...b.lanes]).size === new Set(a.lanes).size &&
    new Set(b.lanes).size === new Set(a.lanes).size
  );
}
