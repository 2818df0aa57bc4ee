import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PRIORITIES, type Priority } from '../../src/domain/mutation.js';
import { schedule, type Schedulable, type ScheduleLimits } from '../../src/domain/schedule.js';

let count = 0;
const m = (lane: string, rest: Partial<Schedulable> = {}): Schedulable => ({
  token: rest.token ?? `${lane}${++count}`,
  lanes: [lane],
  priority: 'normal',
  dependsOn: [],
  alone: false,
  sending: false,
  suspect: false,
  dueAt: 0,
  ...rest,
});
const limits: ScheduleLimits = { now: 100, alone: 4, batch: 10, ordered: true };
const tokens = (list: readonly Schedulable[]): string[] => list.map(({ token }) => token);
const batchOf = (queue: readonly Schedulable[], rest: Partial<ScheduleLimits> = {}): string[] =>
  tokens(schedule(queue, { ...limits, ...rest }).batch);

describe('SC1 lanes', () => {
  const queue = [m('x', { token: 'x1' }), m('x', { token: 'x2' }), m('y', { token: 'y1' })];

  test('an ordered transport takes several of one lane in one batch, in order', () =>
    expect(batchOf(queue)).toEqual(['x1', 'x2', 'y1']));

  test('any other transport takes one of each lane', () =>
    expect(batchOf(queue, { ordered: false })).toEqual(['x1', 'y1']));

  test('those sent alone go one of each lane at a time', () => {
    const own = queue.map((one) => ({ ...one, alone: true }));
    expect(tokens(schedule(own, limits).alone)).toEqual(['x1', 'y1']);
  });

  test('one that follows a mutation of another way of sending waits for it', () => {
    const mixed = [m('x', { token: 'x1' }), m('x', { token: 'x2', alone: true })];
    expect(schedule(mixed, limits)).toMatchObject({ batch: [{ token: 'x1' }], alone: [] });
    expect(schedule(mixed.toReversed(), limits)).toMatchObject({ batch: [], alone: [{ token: 'x2' }] });
  });
});

describe('SC2 priority', () => {
  test('heads go by priority, then by age', () => {
    const queue = PRIORITIES.toReversed().map((priority) => m(priority, { token: priority, priority }));
    expect(batchOf([...queue, m('late', { token: 'late', priority: 'critical' })])).toEqual([
      'critical',
      'late',
      'high',
      'normal',
      'low',
      'background',
    ]);
  });

  test('priority never overtakes within a lane', () =>
    expect(
      batchOf([
        m('x', { token: 'x1', priority: 'background' }),
        m('x', { token: 'x2', priority: 'critical' }),
      ]),
    ).toEqual(['x1', 'x2']));

  test('a mutation lends its priority to the lane mates it waits for', () => {
    const queue = [
      m('y', { token: 'y1' }),
      m('x', { token: 'x1', priority: 'background' }),
      m('x', { token: 'x2', priority: 'critical' }),
    ];
    expect(batchOf(queue, { batch: 1 })).toEqual(['x1']);
    expect(batchOf(queue, { batch: 1, ordered: false })).toEqual(['x1']);
  });

  test('a mutation lends its priority to what it depends on', () => {
    const queue = [
      m('y', { token: 'y1' }),
      m('x', { token: 'x1', priority: 'low' }),
      m('z', { token: 'z1', priority: 'critical', dependsOn: ['x1'] }),
    ];
    expect(batchOf(queue, { batch: 1 })).toEqual(['x1']);
    expect(batchOf(queue, { batch: 1, ordered: false })).toEqual(['x1']);
  });
});

describe('SC3 what waits delays only its own', () => {
  test('a waiting head blocks its lane and nobody else, and says when to look again', () => {
    const queue = [m('x', { dueAt: 500 }), m('x'), m('y', { token: 'y1' }), m('z', { dueAt: 300 })];
    const { batch, nextDueAt } = schedule(queue, limits);
    expect(tokens(batch)).toEqual(['y1']);
    expect(nextDueAt).toBe(300);
  });

  test('one in flight blocks its lane until it is decided', () =>
    expect(batchOf([m('x', { sending: true }), m('x'), m('y', { token: 'y1' })])).toEqual(['y1']));

  test('a parked one is never due', () =>
    expect(schedule([m('x', { dueAt: Infinity })], limits).nextDueAt).toBe(Infinity));

  test('dependents wait for what they depend on, across lanes', () => {
    const queue = [
      m('x', { token: 'x1', dueAt: 500 }),
      m('y', { token: 'y1', dependsOn: ['x1'] }),
      m('z', { token: 'z1', dependsOn: ['y1'] }),
    ];
    expect(batchOf(queue)).toEqual([]);
  });

  test('what it depends on has been decided long ago: nothing to wait for', () =>
    expect(batchOf([m('x', { token: 'x1', dependsOn: ['gone'] })])).toEqual(['x1']));
});

test('SC3 one that has failed goes last with its followers: a server that stops at it has decided the others', () => {
  const failed = m('x', { token: 'x1', priority: 'critical', suspect: true });
  const queue = [failed, m('x', { token: 'x2' }), m('y', { token: 'y1', priority: 'background' })];
  expect(batchOf(queue)).toEqual(['y1', 'x1', 'x2']);
});

const queue = fc
  .array(
    fc.record({
      lanes: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 3 }),
      priority: fc.constantFrom<Priority[]>(...PRIORITIES),
      back: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      alone: fc.boolean(),
      suspect: fc.boolean(),
      sending: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
      dueAt: fc.constantFrom(0, 0, 0, 500, Infinity),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map(({ back, ...rest }, i): Schedulable => ({
      ...rest,
      token: `t${i}`,
      dependsOn: back !== undefined && back <= i ? [`t${i - back}`] : [],
    })),
  );
const anyLimits = fc.record({
  now: fc.constant(100),
  alone: fc.nat(4),
  batch: fc.nat(6),
  ordered: fc.boolean(),
});

test('SC1 SC2 SC3 any queue: order, limits, dependents, and nobody is held up for nothing', () =>
  fc.assert(
    fc.property(queue, anyLimits, (pending, limit) => {
      const picked = schedule(pending, limit);
      const place = new Map(picked.batch.map((one, i) => [one.token, i]));
      const chosen = new Set([...picked.batch, ...picked.alone]);
      expect(picked.batch.length).toBeLessThanOrEqual(limit.batch);
      expect(picked.alone.length).toBeLessThanOrEqual(limit.alone);
      /** Whether `earlier` comes before `later` in one ordered batch, so that `later` need not wait. */
      const precedes = (earlier: Schedulable, later: Schedulable): boolean =>
        limit.ordered && (place.get(earlier.token) ?? Infinity) < (place.get(later.token) ?? -1);
      pending.forEach((mutation, i) => {
        const before = pending
          .slice(0, i)
          .filter(
            (earlier) =>
              earlier.lanes.some((lane) => mutation.lanes.includes(lane)) ||
              mutation.dependsOn.includes(earlier.token),
          );
        if (chosen.has(mutation)) {
          expect(mutation.sending).toBe(false);
          expect(mutation.dueAt).toBeLessThanOrEqual(limit.now);
          for (const earlier of before) expect(precedes(earlier, mutation)).toBe(true);
        } else if (before.length === 0 && !mutation.sending && mutation.dueAt <= limit.now) {
          const [list, most] = mutation.alone ? [picked.alone, limit.alone] : [picked.batch, limit.batch];
          expect(list.length).toBe(most); // a free head waits for room only
        }
      });
    }),
    { numRuns: 500 },
  ));
