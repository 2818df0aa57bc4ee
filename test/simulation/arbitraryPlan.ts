import fc from 'fast-check';
import type {
  Another,
  BadAnswer,
  Decision,
  Field,
  Plan,
  Poison,
  Step,
  Strategy,
  Urgency,
  Write,
} from './plan.js';

const row = fc.nat({ max: 3 });
const fields = fc.uniqueArray(fc.constantFrom<Field>('a', 'b', 'c'), { minLength: 1, maxLength: 2 });
const poison = fc.oneof(
  { weight: 9, arbitrary: fc.constant<Poison>(0) },
  { weight: 1, arbitrary: fc.constantFrom<Poison>(422, 403, 404, 409, 413) },
);
const old = fc.boolean();

const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('set'), row, fields, recipe: fc.boolean(), poison }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('insert'), row, poison }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('increment'), row }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('bump'), row, poison }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete'), row }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move'), row, list: fc.nat({ max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pay'), row, poison }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unset'), row, fields }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('add'), row, by: fc.constantFrom(-1, 1, 3), poison }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('label'), row, poison }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tip'), row, amount: fc.nat({ max: 5 }), poison }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('revert'), row, field: fc.constantFrom<Field>('a', 'b', 'c') }),
  },
);

/** What concerns rows that the server names. */
const onProject: fc.Arbitrary<Write> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open'), row, poison }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rename'), row, old, poison }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('retitle'), row, old }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close'), row, old }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('task'), row, old, poison }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refile'), row, old, named: fc.boolean() }) },
);

/** Typing: one row, and much of it merges. */
const typed: fc.Arbitrary<Write> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set'), row, fields, recipe: fc.boolean(), poison }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete'), row }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('insert'), row, poison }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('revert'), row, field: fc.constantFrom<Field>('a', 'b', 'c') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unset'), row, fields }) },
);
/** The same by named mutations of one kind. */
const counted: fc.Arbitrary<Write> = fc.record({
  do: fc.constant('add'),
  row,
  by: fc.constantFrom(-1, 1, 3),
  poison,
});
const labelled: fc.Arbitrary<Write> = fc.record({ do: fc.constant('label'), row, poison });
const tipped: fc.Arbitrary<Write> = fc.record({
  do: fc.constant('tip'),
  row,
  amount: fc.nat({ max: 5 }),
  poison,
});

const writes = (maxLength: number): fc.Arbitrary<Write[]> =>
  fc.array(write, { minLength: 1, maxLength, size: 'max' });
const early = fc.array(write, { maxLength: 2 });
const tab = fc.nat({ max: 5 });
/** Mostly short, so that things meet; sometimes long, so that timers end. */
const after = fc.oneof(
  { weight: 2, arbitrary: fc.nat({ max: 40 }) },
  { weight: 3, arbitrary: fc.nat({ max: 600 }) },
  { weight: 2, arbitrary: fc.nat({ max: 4_000 }) },
);
const ms = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

const step = <K extends Step['kind']>(
  kind: K,
  fields: {
    [F in Exclude<keyof Extract<Step, { kind: K }>, 'kind' | 'after'>]-?: fc.Arbitrary<
      Exclude<Extract<Step, { kind: K }>[F], undefined>
    >;
  },
): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant(kind), after, ...fields }) as unknown as fc.Arbitrary<Step>;

const window = (bad: BadAnswer): fc.Arbitrary<Step> =>
  step('window', {
    bad: fc.constant(bad),
    ms: ms(8_000),
    retryAfterMs: fc.oneof(fc.constant(0), ms(12_000)),
    applies: fc.boolean(),
  });

const urgency = fc.constantFrom<Urgency>(
  'normal',
  'normal',
  'normal',
  'critical',
  'background',
  'high',
  'low',
);
const calm = fc.nat({ max: 9 }).map((n) => n < 8);
const delayed = fc.integer({ min: 100, max: 6_000 });

const writing = (all: fc.Arbitrary<Write[]>): fc.Arbitrary<Step> =>
  fc
    .record({
      tab,
      writes: all,
      priority: urgency,
      dependent: fc.boolean(),
      after,
      isCalm: calm,
      sendAfter: delayed,
    })
    .map(({ isCalm, sendAfter, ...rest }) => ({ kind: 'write', ...rest, ...(!isCalm && { sendAfter }) }));

/** A burst of writes of one kind on one row. */
const burst = fc
  .tuple(
    row,
    fc.oneof(
      ...[typed, typed, counted, labelled, tipped].map((one) =>
        fc.array(one, { minLength: 2, maxLength: 6, size: 'max' }),
      ),
    ),
  )
  .map(([at, all]) => all.map((one): Write => ({ ...one, row: at })));
const onProjects = fc.array(onProject, { minLength: 1, maxLength: 5, size: 'max' });

const workload = fc.oneof(
  { weight: 10, arbitrary: writing(writes(4)) },
  { weight: 4, arbitrary: writing(burst) },
  { weight: 4, arbitrary: writing(onProjects) },
  { weight: 2, arbitrary: step('rollback', { tab, nth: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: step('discard', { tab, nth: fc.nat({ max: 3 }) }) },
  { weight: 3, arbitrary: step('retry', { tab, nth: fc.nat({ max: 3 }), edited: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: step('resolve', {
      tab,
      nth: fc.nat({ max: 2 }),
      how: fc.constantFrom<Decision>('mine', 'theirs', 'fields'),
    }),
  },
  { weight: 1, arbitrary: step('sync', { tab }) },
  { weight: 3, arbitrary: step('elsewhere', { writes: writes(2) }) },
  { weight: 1, arbitrary: step('elsewhere', { writes: onProjects }) },
  { weight: 1, arbitrary: step('wake', { tab }) },
);

const FAULTS = {
  busy: window('busy'),
  auth: window('auth'),
  portal: window('portal'),
  hiccup: window('hiccup'),
  down: window('down'),
  limit: window('limit'),
  offline: step('offline', { tab, ms: ms(12_000), noticed: fc.boolean() }),
  crash: step('crash', { tab, downMs: ms(2_000), early }),
  reload: step('reload', { tab, overlap: fc.boolean(), early }),
  freeze: step('freeze', { tab, ms: ms(9_000) }),
  jump: step('jump', { ms: fc.integer({ min: -86_400_000, max: 86_400_000 }) }),
  full: step('full', { ms: ms(400) }),
  expire: step('expire', { collected: fc.boolean() }),
  restart: step('restart', { ms: ms(3_000) }),
};

const soon = fc.nat({ max: 80 });
const decision = fc.constantFrom<Decision>('mine', 'theirs', 'fields');
const onRow = (at: number) => (one: Write) => ({ ...one, row: at });

/** Meetings that chance alone arranges too rarely. */
const scenes: readonly fc.Arbitrary<Step[]>[] = [
  // Taken back in the middle of its lane, on its way to the server, and the way back is barred.
  fc
    .tuple(row, writes(4), tab, soon, soon, fc.nat({ max: 2 }), fc.oneof(FAULTS.crash, FAULTS.full))
    .map(([at, all, tab, first, then, nth, fault]) => [
      { kind: 'write', after: 0, tab, writes: all.map(onRow(at)), priority: 'normal', dependent: false },
      { kind: 'rollback', after: first, tab, nth },
      { ...fault, after: then, ...('tab' in fault && { tab }) },
    ]),
  // The same, between the choice of what to send and its seal, which waits for another write to be stored.
  fc
    .tuple(row, writes(4), write, tab, fc.nat({ max: 150 }), fc.nat({ max: 200 }), fc.nat({ max: 250 }))
    .map(([at, all, one, tab, first, then, last]) => [
      { kind: 'write', after: 0, tab, writes: all.map(onRow(at)), priority: 'normal', dependent: false },
      { kind: 'write', after: first, tab, writes: [one], priority: 'normal', dependent: false },
      { kind: 'rollback', after: then, tab, nth: 2 },
      { kind: 'full', after: last, ms: 300 },
    ]),
  // Two tabs, one lane, one moment.
  fc.tuple(row, writes(2), writes(2), soon).map(([at, ours, theirs, then]) => [
    { kind: 'write', after: 0, tab: 0, writes: ours.map(onRow(at)), priority: 'normal', dependent: false },
    {
      kind: 'write',
      after: then,
      tab: 1,
      writes: theirs.map(onRow(at)),
      priority: 'normal',
      dependent: false,
    },
  ]),
  // Told to wait, and unable to store what else was said.
  fc
    .tuple(writes(4), tab, FAULTS.hiccup, ms(12_000), fc.nat({ max: 400 }), ms(2_000))
    .map(([all, tab, hiccup, retryAfterMs, then, ms]) => [
      { ...hiccup, retryAfterMs, after: 0 } as Step,
      { kind: 'write', after: 0, tab, writes: all, priority: 'normal', dependent: false },
      { kind: 'full', after: then, ms },
    ]),
  // Two tabs, one merge: one of them seals it while the other still types.
  fc.tuple(row, burst, burst, soon).map(([at, ours, theirs, then]) => [
    { kind: 'write', after: 0, tab: 0, writes: ours.map(onRow(at)), priority: 'normal', dependent: false },
    {
      kind: 'write',
      after: then,
      tab: 1,
      writes: theirs.map(onRow(at)),
      priority: 'normal',
      dependent: false,
    },
  ]),
  // A row that the server is to name, and what needs it, written by whoever comes first.
  fc
    .tuple(tab, onProjects, fc.nat({ max: 300 }), tab, onProjects, FAULTS.crash)
    .map(([tab, all, then, other, more, fault]) => [
      {
        kind: 'write',
        after: 0,
        tab,
        writes: [{ do: 'open', row: 0, poison: 0 }, ...all],
        priority: 'normal',
        dependent: false,
      },
      { kind: 'write', after: then, tab: other, writes: more, priority: 'normal', dependent: false },
      { ...fault, tab, after: then } as Step,
    ]),
  // Refused, and tried again in both tabs.
  fc
    .tuple(tab, typed, fc.integer({ min: 20, max: 2_000 }), fc.boolean(), fc.boolean(), soon)
    .map(([tab, one, then, edited, again, soon]) => [
      {
        kind: 'write',
        after: 0,
        tab,
        writes: [{ ...one, poison: 422 } as Write],
        priority: 'normal',
        dependent: true,
      },
      { kind: 'retry', after: then, tab, nth: 0, edited },
      { kind: 'retry', after: soon, tab: tab + 1, nth: 0, edited: again },
    ]),
  // Written by several at once, decided by whoever looks first, and perhaps by two.
  fc
    .tuple(
      row,
      burst,
      fc.boolean(),
      burst,
      soon,
      fc.tuple(delayed, delayed),
      fc.tuple(decision, decision),
      FAULTS.crash,
    )
    .map(([at, ours, isElsewhere, theirs, then, [first, next], [one, other], fault]): Step[] => [
      { kind: 'write', after: 0, tab: 0, writes: ours.map(onRow(at)), priority: 'normal', dependent: false },
      isElsewhere
        ? { kind: 'elsewhere', after: then, writes: theirs.map(onRow(at)) }
        : {
            kind: 'write',
            after: then,
            tab: 1,
            writes: theirs.map(onRow(at)),
            priority: 'normal',
            dependent: false,
          },
      { kind: 'resolve', after: first, tab: 0, nth: 0, how: one },
      { kind: 'resolve', after: then, tab: 1, nth: 0, how: other },
      { ...fault, after: then },
      { kind: 'resolve', after: next, tab: 1, nth: 0, how: other },
    ]),
  // Written, and gone.
  fc
    .tuple(writes(3), tab, soon, FAULTS.crash)
    .map(([all, tab, then, fault]) => [
      { kind: 'write', after: 0, tab, writes: all, priority: 'normal', dependent: false },
      { ...fault, tab, after: then } as Step,
    ]),
];

/** Swarm testing: each kind of fault is on with this probability, or strong ones would hide the weak. */
const on = fc.nat({ max: 99 }).map((n) => n < 55);
const rate = (max: number): fc.Arbitrary<number> =>
  fc.tuple(on, fc.nat({ max: 100 })).map(([isOn, part]) => (isOn ? (part * max) / 100 : 0));
const isKind = (name: string, { kind, ...rest }: Step): boolean =>
  kind === name || (kind === 'window' && 'bad' in rest && rest.bad === name);

const faults = fc.tuple(
  ...(Object.keys(FAULTS) as (keyof typeof FAULTS)[]).map((name) =>
    on.map((isOn) => (isOn ? [] : [name as string])),
  ),
);

const steps = fc
  .tuple(
    faults,
    fc.array(
      fc.oneof(
        { weight: 12, arbitrary: workload.map((one) => [one]) },
        ...Object.values(FAULTS).map((fault) => ({ weight: 1, arbitrary: fault.map((one) => [one]) })),
        ...scenes.map((arbitrary) => ({ weight: 1, arbitrary })),
      ),
      { minLength: 1, maxLength: 40, size: 'max' },
    ),
  )
  .map(([off, all]) => {
    const without = off.flat();
    return all.flat().filter((one) => !without.some((name) => isKind(name, one)));
  });

const latency: fc.Arbitrary<readonly [number, number]> = fc
  .tuple(fc.nat({ max: 100 }), fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 6_000 })))
  .map(([min, more]) => [min, min + more] as const);

const tabs = fc.constantFrom(1 as const, 1 as const, 2 as const);
/** Two to five devices in half of all histories. */
const MORE_DEVICES = [0, 0, 0, 0, 0, 1, 1, 2, 3, 4];
const HOURS = 6 * 3_600_000;
const another: fc.Arbitrary<Another> = fc.record({ tabs, skewMs: fc.integer({ min: -HOURS, max: HOURS }) });
const strategy = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom<Strategy>(
      'lastWriteWins',
      'serverWins',
      'clientWins',
      'mergeFields',
      'custom',
    ),
  },
  { weight: 3, arbitrary: fc.constant<Strategy>('ask') },
  { weight: 1, arbitrary: fc.constantFrom<Strategy>('slow', 'broken', 'mute') },
);

export const arbitraryPlan: fc.Arbitrary<Plan> = fc.noBias(
  fc
    .record({
      seed: fc.nat(),
      tabs,
      others: fc
        .tuple(fc.nat({ max: 9 }), fc.array(another, { minLength: 4, maxLength: 4 }))
        .map(([n, all]) => all.slice(0, MORE_DEVICES[n])),
      strategies: fc.record({ todos: strategy, lists: strategy, projects: strategy, tasks: strategy }),
      lease: fc.constantFrom('one' as const, 'all' as const),
      pull: fc.nat({ max: 9 }).map((n) => n < 8),
      realtime: fc.boolean(),
      tagged: fc.boolean(),
      liveness: fc.nat({ max: 9 }).map((n) => n < 3),
      patience: fc.tuple(fc.nat({ max: 9 }), fc.integer({ min: 1, max: 5 })),
      trips: fc.tuple(
        fc.nat({ max: 9 }),
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 500, max: 20_000 }),
      ),
      network: fc.record({
        latencyMs: latency,
        loss: rate(0.3),
        lossAfter: rate(0.3),
        duplicate: rate(0.3),
        stall: rate(0.1),
        hintLoss: rate(0.5),
      }),
      storage: fc.record({ ms: fc.oneof(fc.nat({ max: 10 }), fc.nat({ max: 250 })), crash: rate(0.06) }),
      steps,
    })
    .map(possible),
);

type Drawn = Omit<Plan, 'maxAttempts' | 'breaker'> & {
  readonly patience: readonly [chance: number, attempts: number];
  readonly trips: readonly [chance: number, failures: number, openMs: number];
};

/**
 * A leader learns by polling what no hint told it. So without pulls hints must not be lost, a tab must not lead alone
 * while another dies between its commit and its hint, and none may be left frozen there.
 */
function possible({ patience, trips, ...drawn }: Drawn): Plan {
  const plan: Plan = {
    ...drawn,
    ...(patience[0] < 2 && { maxAttempts: patience[1] }),
    ...(trips[0] < 5 && { breaker: { failures: trips[1], openMs: trips[2] } }),
  };
  if (plan.pull) return plan;
  return {
    ...plan,
    lease: 'all',
    others: [],
    tabs: plan.liveness ? 1 : plan.tabs,
    network: { ...plan.network, hintLoss: 0 },
  };
}
