import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isLater,
  measureClock,
  refineClock,
  serverTimeOf,
  type ServerClock,
} from '../../src/domain/serverClock.js';

test('CF2 the true offset is within the uncertainty of what is measured, whatever the way takes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e10, max: 1e10 }),
      fc.nat(60_000),
      fc.nat(60_000),
      fc.constantFrom(1, 1_000),
      fc.nat(1e6),
      (offset, there, back, resolutionMs, sentAt) => {
        const serverNow = sentAt + offset + there;
        const clock = measureClock({
          serverTime: Math.floor(serverNow / resolutionMs) * resolutionMs,
          resolutionMs,
          receivedAt: sentAt + there + back,
          roundTripMs: there + back,
        })!;
        expect(Math.abs(clock.offsetMs - offset)).toBeLessThanOrEqual(clock.uncertaintyMs);
      },
    ),
  );
});

test.each([
  { serverTime: NaN, receivedAt: 0, roundTripMs: 1 },
  { serverTime: 0, receivedAt: 0, roundTripMs: -1 },
  { serverTime: 0, receivedAt: 0, roundTripMs: NaN },
  { serverTime: 0, receivedAt: Infinity, roundTripMs: 1 },
])('CF2 numbers that make no sense measure nothing: %j', (sample) => {
  expect(measureClock(sample)).toBeUndefined();
});

test('CF2 the more exact measurement is kept, until one disagrees: a clock was set', () => {
  const of = (offsetMs: number, uncertaintyMs: number): ServerClock => ({ offsetMs, uncertaintyMs });
  expect(refineClock(undefined, of(5, 9))).toEqual(of(5, 9));
  expect(refineClock(of(5, 9), of(7, 3))).toEqual(of(7, 3));
  expect(refineClock(of(5, 3), of(14, 6))).toEqual(of(5, 3));
  expect(refineClock(of(5, 3), of(15, 6))).toEqual(of(15, 6));
  expect(refineClock(of(5, 3), of(-5, 6))).toEqual(of(-5, 6));
});

test('CF2 later is certainly later', () => {
  const clock: ServerClock = { offsetMs: -100, uncertaintyMs: 10 };
  expect(serverTimeOf(1_000, clock)).toEqual({ at: 900, uncertaintyMs: 10 });
  expect(serverTimeOf(1_000, undefined)).toBeUndefined();
  expect(isLater(serverTimeOf(1_000, clock), 889)).toBe(true);
  expect(isLater(serverTimeOf(1_000, clock), 890)).toBe(false);
  expect(isLater(serverTimeOf(1_000, clock), undefined)).toBe(false);
  expect(isLater(undefined, 0)).toBe(false);
});
