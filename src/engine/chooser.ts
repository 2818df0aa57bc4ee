import type { SyncError } from '../domain/errors.js';
import { TRANSPORT, type Gate, type Selection } from '../domain/lanes.js';
import { createMerge } from '../domain/merge.js';
import { idempotencyKey } from '../domain/mutation.js';
import { independentRiders } from '../domain/riders.js';
import type { Gates } from './gates.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Clock, Transport } from './ports.js';
import type { Reachability } from './reachability.js';
import { riderOf } from './riderOf.js';
import type { Group } from './seal.js';
import type { Store } from './store.js';

/** What may be sent now. */
export interface Choice {
  /** In one request, through the transport. */
  readonly together: readonly Group[];
  /** Each by its own function. */
  readonly alone: readonly Group[];
  /** Monotonic milliseconds when to look again. */
  readonly nextAt: number;
}

/** A request that is sealed, sent or settled now. */
export interface UnderWay {
  readonly route: string;
  readonly members: readonly PendingMutation[];
  /** What became of them is being stored. */
  isAnswered: boolean;
}

/** Chooses what to send next (SC): the lanes say what is in turn, the gates what may go, the network how much is tried. */
export interface Chooser {
  choose(inFlight: readonly UnderWay[]): Choice;
}

export interface ChooserOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly transport: Transport | undefined;
  readonly clock: Clock;
  readonly gates: Gates;
  readonly reachability: Reachability;
  readonly concurrency: number;
  readonly paused: () => boolean;
  /** Told of a `coalesce` that failed. */
  readonly cannotMerge: (error: SyncError) => void;
}

const nothing = (nextAt: number): Choice => ({ together: [], alone: [], nextAt });

export function createChooser(options: ChooserOptions): Chooser {
  const { ledger, store, transport, clock, gates, reachability, concurrency, cannotMerge } = options;
  /** Monotonic milliseconds when sending became possible last. */
  let openSince = clock.monotonic();

  function gate(route: string, inFlight: readonly UnderWay[]): Gate {
    const open = gates.gate(route);
    if (route !== TRANSPORT) return open;
    // Where order is ours to keep, other lanes need not wait for a slow request (SC1, SC3).
    const pushes = pushesIn(inFlight);
    const isBusy =
      transport?.ordered === true
        ? pushes.length > 0 && (pushes.filter((push) => !push.isAnswered).length > 1 || !hasBacklog(inFlight))
        : transport === undefined || pushes.length >= concurrency;
    const most = reachability.online ? (transport?.limits.maxBatch ?? 0) : 1;
    return { ...open, room: isBusy ? 0 : Math.min(open.room, most) };
  }

  /**
   * Whether the next batch may be full already. Then it is sealed while the one before it is under way; anything less
   * can still be taken back, and merge with what comes. Where one goes at a time, which one is what counts (SC2).
   */
  function hasBacklog(inFlight: readonly UnderWay[]): boolean {
    const { maxBatch = 0 } = transport?.limits ?? {};
    const taken = inFlight.reduce((sum, { members }) => sum + members.length, 0);
    return maxBatch > 1 && reachability.online && ledger.pending.size - taken >= maxBatch;
  }

  /** What is sealed goes together again, as it went before; the rest is merged as far as it goes (CO2). */
  function begin(first: PendingMutation): Group {
    if (first.phase.kind !== 'sealed') return createMerge(first, cannotMerge);
    const key = idempotencyKey(first.phase.sealed);
    const members = [first];
    return {
      members,
      join: (next) =>
        next.phase.kind === 'sealed' && idempotencyKey(next.phase.sealed) === key && members.push(next) > 0,
    };
  }

  /** Where the network is only tried: something sealed already, for what is sealed can no longer be taken back. */
  function probe(now: number, inFlight: readonly UnderWay[]): Selection<Group> | undefined {
    for (const sealed of [...ledger.seals.values()].flat()) {
      const members = (sealed.members ?? [sealed.token]).flatMap((token) => ledger.pending.get(token) ?? []);
      const group: Group = { members, join: () => false };
      const [first] = ledger.lanes.inTurn([group], (m) => m.dueAt <= now && !m.sending)[0] ?? [];
      if (first === undefined) continue;
      const { at, room } = gate(first.route, inFlight);
      if (at > now || room === 0) continue;
      return first.route === TRANSPORT
        ? { batch: [group], alone: [], nextAt: Infinity }
        : { batch: [], alone: [group], nextAt: Infinity };
    }
    return undefined;
  }

  function select(now: number, inFlight: readonly UnderWay[]): Selection<Group> {
    const free = concurrency - (inFlight.length - pushesIn(inFlight).length);
    const turn = {
      now,
      openSince,
      ordered: transport?.ordered ?? false,
      alone: reachability.online ? free : Math.min(1, free),
      gate: (route: string) => gate(route, inFlight),
    };
    return ledger.lanes.select(turn, begin);
  }

  return {
    choose(inFlight) {
      const now = clock.monotonic();
      const isOpen = !options.paused() && reachability.online && gates.askAt(TRANSPORT) <= now;
      if (!isOpen) openSince = now;
      if (options.paused() || ledger.pending.size === 0) return nothing(Infinity);
      if (reachability.nextTryAt > now) return nothing(reachability.nextTryAt);
      const { batch, alone, nextAt } =
        (!reachability.online && probe(now, inFlight)) || select(now, inFlight);
      const isAhead = transport?.ordered === true && pushesIn(inFlight).length > 0;
      if (isAhead && batch.length < transport.limits.maxBatch) return { ...nothing(nextAt), alone };
      const riders = independentRiders(batch.map(riderOf), (of) => store.baseOf(of)?.row);
      return { together: riders.map((rider) => rider.group), alone, nextAt };
    },
  };
}

const pushesIn = (inFlight: readonly UnderWay[]): readonly UnderWay[] =>
  inFlight.filter(({ route }) => route === TRANSPORT);
