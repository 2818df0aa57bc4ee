import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs, RETRY_DEFAULTS } from '../../src/domain/backoff.js';

const bound = (attempt: number, baseMs = 1_000, capMs = 60_000): number =>
  backoffMs(attempt, { baseMs, capMs }, () => 1);

test('RT2 the bound doubles with each attempt until the cap', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => bound(attempt))).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
  ]);
});

test('RT2 jitter is full: from nothing to the bound', () => {
  expect(backoffMs(3, RETRY_DEFAULTS, () => 0)).toBe(0);
  expect(backoffMs(3, RETRY_DEFAULTS, () => 0.5)).toBe(2_000);
});

test('RT2 any attempt, base, cap and random number give a delay within the bounds, never NaN', () =>
  fc.assert(
    fc.property(
      fc.oneof(fc.integer(), fc.constantFrom(0, 1, 31, 32, 1_024, 1e9, 2 ** 53, Infinity, -1)),
      fc.double({ min: 0.001, max: 1e12, noNaN: true }),
      fc.double({ min: 0.001, max: 1e12, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, baseMs, capMs, random) => {
        const delay = backoffMs(attempt, { baseMs, capMs }, () => random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(capMs);
        if (attempt <= 1) expect(delay).toBeLessThanOrEqual(baseMs);
      },
    ),
  ));
