import { expect, test } from 'vitest';
import { seededRandom } from '../../src/testing/seededRandom.js';
import { switchableConnectivity } from '../../src/testing/switchableConnectivity.js';

const take = (seed: number, n: number): number[] => Array.from({ length: n }, seededRandom(seed));

test('the same seed gives the same numbers, another one others', () => {
  expect(take(1, 100)).toEqual(take(1, 100));
  expect(take(1, 3)).not.toEqual(take(2, 3));
  expect(take(1, 3).map((n) => Number(n.toFixed(6)))).toEqual([0.627074, 0.002736, 0.527447]);
});

test('numbers are in [0, 1), and evenly so', () => {
  const tenths = new Array<number>(10).fill(0);
  for (const n of take(7, 100_000)) {
    if (!(n >= 0 && n < 1)) throw new Error(`${n} is out of range`);
    tenths[Math.floor(n * 10)]!++;
  }
  for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test('NQ1 a switchable connectivity tells what is news, and every wake', () => {
  const connectivity = switchableConnectivity();
  const heard: boolean[] = [];
  const stop = connectivity.subscribe(() => heard.push(connectivity.online));
  connectivity.setOnline(true);
  connectivity.setOnline(false);
  connectivity.wake();
  connectivity.setOnline(true);
  stop();
  connectivity.wake();
  expect(heard).toEqual([false, false, true]);
});
