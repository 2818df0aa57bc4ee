import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runHistory, traceHistory } from './history.js';
import { keep } from './main.js';
import type { Plan } from './plan.js';
import { describeFailure, planOf, soak } from './soak.js';

const SCHEDULES = `${import.meta.dirname}/schedules`;
const FAILED = `${import.meta.dirname}/../../.cache/simulation/failed`;

describe('schedules that failed once', () => {
  test.each(readdirSync(SCHEDULES).filter((file) => file.endsWith('.json')))('%s', async (file) => {
    const plan = JSON.parse(readFileSync(`${SCHEDULES}/${file}`, 'utf8')) as Plan;
    const failed = await runHistory(plan);
    if (failed !== undefined)
      expect.fail(describeFailure({ ...failed, seed: undefined, plan }, `test/simulation/schedules/${file}`));
  });
});

/** The same 300 every time: what fails in a fresh one, `npm run soak` finds, and a schedule keeps (decision 0012). */
const SEED = 20_261_121;

test('invariants 1 to 16 hold in 300 histories', async () => {
  const seed = Number(process.env['HOLDFAST_SEED'] ?? SEED);
  console.log(`simulation: HOLDFAST_SEED=${seed}`);
  const { failed } = await soak({ seed, histories: 300, shrinkMs: 30_000 });
  if (failed !== undefined) expect.fail(describeFailure(failed, keep(failed, FAILED)));
});

test('a history is the same every time', async () => {
  const plan = planOf(1);
  const { trace } = await traceHistory(plan);
  expect(trace.length).toBeGreaterThan(40);
  expect((await traceHistory(plan)).trace).toEqual(trace);
});
