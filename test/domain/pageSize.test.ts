import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FIRST_PAGE, nextPageSize } from '../../src/domain/pageSize.js';

const quick = { requestMs: 20, storeMs: 10 };
const full = (limit: number) => ({ limit, rows: limit, ...quick });

describe('PL4, NQ3 the size of a page', () => {
  test('grows by a step while full pages come quickly, up to the most there may be', () => {
    const sizes = [FIRST_PAGE];
    for (let i = 0; i < 8; i++) sizes.push(nextPageSize(full(sizes.at(-1) ?? 0), 1_000));
    expect(sizes).toEqual([250, 375, 500, 625, 750, 875, 1_000, 1_000, 1_000]);
  });

  test.each([
    ['a slow network', { requestMs: 2_001 }, 500],
    ['a slow device', { storeMs: 401 }, 500],
    ['neither quick nor slow', { requestMs: 501 }, 1_000],
    ['a device that is just in time', { storeMs: 201 }, 1_000],
    ['a server that gives less than it was asked for', { rows: 300 }, 1_000],
  ])('%s', (_of, took, next) => {
    expect(nextPageSize({ ...full(1_000), ...took }, 2_000)).toBe(next);
  });

  test('is halved after a page that did not come within long, and never falls to nothing', () => {
    let size = 1_000;
    const none = { rows: 0, requestMs: 30_000, storeMs: 0 };
    const sizes = Array.from({ length: 7 }, () => (size = nextPageSize({ limit: size, ...none }, 1_000)));
    expect(sizes).toEqual([500, 250, 125, 62, 50, 50, 50]);
  });

  test('is what it was after one that failed at once: that says nothing of its size', () => {
    expect(nextPageSize({ limit: 1_000, rows: 0, requestMs: 3, storeMs: 0 }, 1_000)).toBe(1_000);
  });

  test('is a whole number that keeps the bound, whatever was measured', () => {
    const ms = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(5_000),
        fc.nat(5_000),
        ms,
        ms,
        fc.integer({ min: 1, max: 5_000 }),
        (limit, rows, a, b, most) => {
          const next = nextPageSize({ limit, rows, requestMs: a, storeMs: b }, most);
          expect(Number.isInteger(next) && next >= 1 && next <= most).toBe(true);
        },
      ),
    );
  });
});
