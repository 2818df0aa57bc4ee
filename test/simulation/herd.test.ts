import { expect, test } from 'vitest';
import { runHerd, type HerdPlan } from './herd.js';

const CLIENTS = 100;
const SPREAD_MS = 10_000;
const plan: HerdPlan = {
  clients: CLIENTS,
  outage: 'network',
  outageMs: 20_000,
  spreadMs: SPREAD_MS,
  capacity: 500,
  queue: 100,
  seed: 1,
};
/** Each has to push and to pull. */
const REQUESTS = 2 * CLIENTS;
const FAIR_SHARE = (REQUESTS * 1_000) / SPREAD_MS;

test('RT5 clients that lost the network together come back over the spread window: the peak is near the fair share', async () => {
  const herd = await runHerd(plan);
  expect(herd).toMatchObject({ requests: REQUESTS, refused: 0, effects: CLIENTS, equal: CLIENTS });
  expect(herd.peakPerSecond).toBeLessThanOrEqual(2 * FAIR_SHARE);
  expect(herd.drainedMs).toBeLessThanOrEqual(SPREAD_MS + 1_000);
});

test('RT5 without a window all of them come at once; the server refuses most, and nothing is lost or done twice', async () => {
  const herd = await runHerd({ ...plan, spreadMs: 0 });
  expect(herd.peakPerTenth).toBeGreaterThanOrEqual(CLIENTS);
  expect(herd.refused).toBeGreaterThan(0);
  expect(herd).toMatchObject({ effects: CLIENTS, equal: CLIENTS });
});

test('RT5 clients that lost the server come back by their own backoffs, far below the fair share', async () => {
  const herd = await runHerd({ ...plan, outage: 'server', spreadMs: 0 });
  expect(herd).toMatchObject({ refused: 0, effects: CLIENTS, equal: CLIENTS });
  expect(herd.peakPerTenth).toBeLessThan(CLIENTS / 5);
});
