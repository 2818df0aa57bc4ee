import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLanes, TRANSPORT } from '../../src/domain/lanes.js';
import { PRIORITIES } from '../../src/domain/mutation.js';
import {
  begin,
  emptyWorld,
  item,
  OPEN,
  perform,
  shown,
  step,
  turnOf,
  type Item,
  type Step,
  type World,
} from './lanesModel.js';
import { naiveInTurn, naiveSchedule, waitsFor } from './naiveSchedule.js';

const history = fc.array(step, { minLength: 5, maxLength: 40 });
/** Carries out all that is no selection. */
const play = (steps: readonly Step[], from: World = emptyWorld()): World =>
  steps.reduce((world, todo) => (todo.do === 'select' ? world : perform(world, todo)), from);

test('SC1 SC2 SC3 any history: the index picks what a scan of the whole queue picks, and asking changes nothing', () =>
  fc.assert(
    fc.property(history, (steps) => {
      let world = emptyWorld();
      for (const todo of steps) {
        if (todo.do !== 'select') {
          world = perform(world, todo);
          world.lanes.file(Infinity); // what is lent is kept, so it counts when it is filed
          continue;
        }
        const { lanes, pending, ranks } = world;
        const how = turnOf(world, todo);
        const picked = lanes.select(how, begin);
        expect(shown(picked)).toEqual(shown(naiveSchedule(pending, ranks, how, begin)));
        expect(shown(lanes.select(how, begin))).toEqual(shown(picked));
        for (const one of [...picked.batch, ...picked.alone].flatMap(({ members }) => members)) {
          const which = pending.indexOf(one);
          if (todo.then === 'send')
            world = perform(world, { do: 'refresh', which, change: { sending: true } });
          if (todo.then === 'settle') world = perform(world, { do: 'remove', which });
        }
      }
    }),
    { numRuns: 1000 },
  ));

test('SC1 any history: what is in turn after it is what a scan of the whole queue says', () =>
  fc.assert(
    fc.property(history, history, (before, after) => {
      const world = play(before);
      const { lanes, pending, now } = world;
      const { batch } = lanes.select({ now, ordered: true, alone: 0, gate: () => OPEN }, begin);
      play(after, world);
      const may = ({ sending }: Item): boolean => !sending;
      expect(lanes.inTurn(batch, may)).toEqual(naiveInTurn(pending, batch, may));
    }),
    { numRuns: 500 },
  ));

test('SC1 SC3 any history: order, limits, and nobody is held up for nothing', () =>
  fc.assert(
    fc.property(history, fc.boolean(), fc.nat(5), fc.nat(3), (steps, ordered, room, alone) => {
      const { lanes, pending, now } = play(steps);
      const picked = lanes.select({ now, ordered, alone, gate: () => ({ ...OPEN, room }) }, begin);
      const [batch, own] = [picked.batch, picked.alone].map((runs) => runs.flatMap(({ members }) => members));
      expect(picked.batch.length).toBeLessThanOrEqual(room);
      expect(picked.alone.length).toBeLessThanOrEqual(alone);
      for (const one of pending) {
        const before = waitsFor(pending, one);
        const at = batch!.indexOf(one);
        if (at >= 0 || own!.includes(one)) {
          expect(one.sending || one.dueAt > now).toBe(false);
          const run = [...picked.batch, ...picked.alone].find(({ members }) => members.includes(one))!;
          for (const earlier of before)
            expect(
              run.members.includes(earlier) ||
                (ordered && batch!.includes(earlier) && batch!.indexOf(earlier) < at),
            ).toBe(true);
        } else if (before.length === 0 && !one.sending && one.dueAt <= now) {
          // A free head waits for room only.
          if (one.route === TRANSPORT) expect(picked.batch.length).toBe(room);
          else if (picked.alone.length < alone)
            expect(picked.alone.filter(({ members }) => members[0]!.route === one.route).length).toBe(room);
        }
      }
    }),
    { numRuns: 500 },
  ));

test('SC3 any history: while something may ever go, it goes now or there is a time to look again', () =>
  fc.assert(
    fc.property(history, fc.nat(200_000), fc.nat(200_000), (steps, at, calmUntil) => {
      const { lanes, pending, now } = play(steps);
      // What is parked or in flight for ever stops those behind it, and only those.
      const heads = pending.filter(
        (one) => waitsFor(pending, one).length === 0 && !one.sending && one.dueAt < Infinity,
      );
      const { batch, alone, nextAt } = lanes.select(
        { now, ordered: true, alone: 1, gate: () => ({ at, calmUntil, room: 1 }) },
        begin,
      );
      if (heads.length > 0)
        expect(batch.length + alone.length > 0 || (nextAt > now && nextAt < Infinity)).toBe(true);
      else expect(nextAt).toBe(Infinity);
    }),
    { numRuns: 500 },
  ));

test('the cost of a selection is that of its batch: 100 of 100,000 are chosen by looking at a few hundred', () => {
  let looks = 0;
  const lanes = createLanes<Item>();
  for (let i = 0; i < 100_000; i++)
    lanes.add({
      ...item(`lane${i % 50_000}`),
      priority: PRIORITIES[i % 5]!,
      get dueAt() {
        looks++;
        return 0;
      },
      get since() {
        looks++;
        return 0;
      },
    });
  lanes.file(Infinity); // what was added since the last look finds its place at the next one, once
  for (const ordered of [true, false, true]) {
    looks = 0;
    const { batch } = lanes.select(
      { now: 0, ordered, alone: 0, gate: () => ({ ...OPEN, room: 100 }) },
      begin,
    );
    expect(batch.length).toBe(100);
    expect(looks).toBeGreaterThanOrEqual(100);
    expect(looks).toBeLessThan(1000);
    for (const { members } of batch) for (const one of members) lanes.remove(one);
  }
});
