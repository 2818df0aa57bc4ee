import fc from 'fast-check';
import {
  createLanes,
  TRANSPORT,
  type Gate,
  type Lanes,
  type Run,
  type Schedulable,
  type Selection,
  type Turn,
} from '../../src/domain/lanes.js';
import { PRIORITIES, type Priority } from '../../src/domain/mutation.js';
import { lendRanks, type Ranks } from './naiveSchedule.js';

/** A mutation whose every field may change, to be said with `refresh`. */
export type Item = { -readonly [K in keyof Schedulable]: Schedulable[K] } & {
  /** Those of one kind join each other. */
  readonly kind: number;
};

export const OPEN: Gate = { at: 0, calmUntil: 0, room: 10 };

let made = 0;
/** One after all that were made before, and that joins none. */
export const item = (lane: string, rest: Partial<Item> = {}): Item => ({
  token: `${lane}${++made}`,
  lanes: [lane],
  priority: 'normal',
  dependsOn: [],
  route: TRANSPORT,
  closing: false,
  suspect: false,
  sending: false,
  dueAt: 0,
  since: 0,
  seq: made,
  place: made,
  unfiled: false,
  kind: made,
  ...rest,
});

/** Merges those of one kind, up to three. */
export function begin(first: Item): Run<Item> & { readonly members: Item[] } {
  const members = [first];
  return {
    members,
    join(next) {
      const joins = next.kind === first.kind && members.length < 3;
      if (joins) members.push(next);
      return joins;
    },
  };
}

export const lanesOf = <M extends Schedulable>(...pending: readonly M[]): Lanes<M> => {
  const lanes = createLanes<M>();
  for (const mutation of pending) lanes.add(mutation);
  return lanes;
};

/** As tokens: members of one run are joined by `+`. */
export const shown = ({ batch, alone, nextAt }: Selection<Run<Schedulable>>) => {
  const names = (runs: readonly Run<Schedulable>[]): string[] =>
    runs.map(({ members }) => members.map(({ token }) => token).join('+'));
  return { batch: names(batch), alone: names(alone), nextAt };
};

/** The index, and beside it all that a scan needs. */
export interface World {
  readonly lanes: Lanes<Item>;
  readonly pending: Item[];
  readonly ranks: Ranks;
  readonly now: number;
  /** How many were ever added. */
  readonly count: number;
}

export const emptyWorld = (): World => ({
  lanes: createLanes(),
  pending: [],
  ranks: new Map(),
  now: 0,
  count: 0,
});

/** What holds others up is rare, or nothing would be left to choose from. */
const rarely = <T>(rare: fc.Arbitrary<T>, common: T): fc.Arbitrary<T> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: rare });
const seq = fc.nat(30);
const state = {
  closing: rarely(fc.constant(true), false),
  suspect: fc.boolean(),
  sending: rarely(fc.constant(true), false),
  dueAt: rarely(fc.oneof(fc.nat(90_000), fc.constant(Infinity)), 0),
};
const gate: fc.Arbitrary<Gate> = fc.record({
  at: rarely(fc.nat(200_000), 0),
  calmUntil: rarely(fc.nat(200_000), 0),
  room: fc.oneof(fc.nat(3), fc.constant(20)),
});
const lane = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const init = fc.record({
  lanes: fc.oneof(fc.tuple(lane), fc.array(lane, { minLength: 1, maxLength: 3 })),
  priority: fc.oneof(fc.constant<Priority>('normal'), fc.constantFrom<Priority[]>(...PRIORITIES)),
  route: fc.constantFrom(TRANSPORT, TRANSPORT, TRANSPORT, 'f', 'g'),
  kind: rarely(fc.constant(1), 0),
  since: fc.nat(200_000),
  seq: fc.oneof(seq, fc.constant(Infinity)),
  ...state,
});
/** Tokens are numbered: some of these are known later, or never. */
const needs = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(fc.nat(14), { maxLength: 2 }));
const which = fc.nat();
const change = fc.oneof(
  fc.record(state, { requiredKeys: [] }),
  fc.record({ seq, dueAt: fc.constant(0) }),
  fc.record({ since: fc.nat(200_000) }),
);

export type Step =
  | { readonly do: 'add'; readonly init: Partial<Item>; readonly needs: readonly number[] }
  | { readonly do: 'remove'; readonly which: number }
  | { readonly do: 'refresh'; readonly which: number; readonly change: Partial<Item> }
  | { readonly do: 'wait'; readonly ms: number }
  | Look;

export interface Look {
  readonly do: 'select';
  readonly ordered: boolean;
  readonly alone: number;
  /** Of the transport and two routes. */
  readonly gates: readonly Gate[];
  /** What happens to those that were picked. */
  readonly then: 'nothing' | 'send' | 'settle';
}

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), init, needs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('refresh' as const), which, change }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(100_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('select' as const),
      ordered: fc.boolean(),
      alone: fc.nat(4),
      gates: fc.array(gate, { minLength: 3, maxLength: 3 }),
      then: fc.constantFrom('nothing' as const, 'send' as const, 'settle' as const),
    }),
  },
);

export function turnOf({ now }: World, { ordered, alone, gates }: Look): Turn {
  return { now, ordered, alone, gate: (route) => gates[[TRANSPORT, 'f', 'g'].indexOf(route)]! };
}

/** What is not stored cannot be due. */
const unstored = ({ seq }: Partial<Item>): Partial<Item> => (seq === Infinity ? { dueAt: Infinity } : {});

/** Carries out everything but a selection. */
export function perform(world: World, todo: Exclude<Step, Look>): World {
  const { lanes, pending, count } = world;
  const after = (rest: Partial<World> = {}): World => ({
    ...world,
    ranks: lendRanks(pending, world.ranks),
    ...rest,
  });
  if (todo.do === 'wait') return after({ now: world.now + todo.ms });
  if (todo.do === 'add') {
    const one = item('', {
      ...todo.init,
      ...unstored(todo.init),
      token: `t${count}`,
      dependsOn: todo.needs.map((n) => `t${n}`),
    });
    pending.push(one);
    lanes.add(one);
    return after({ count: count + 1 });
  }
  const target = pending[todo.which % pending.length];
  if (target === undefined) return world;
  if (todo.do === 'remove') {
    pending.splice(pending.indexOf(target), 1);
    lanes.remove(target);
  } else {
    Object.assign(target, todo.change, unstored({ ...target, ...todo.change }));
    lanes.refresh(target);
  }
  return after();
}
