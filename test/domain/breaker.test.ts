import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BREAKER_DEFAULTS,
  CLOSED,
  fromStored,
  requestFailed,
  requestsAllowed,
  requestStarted,
  requestSucceeded,
  requestWithdrawn,
  toStored,
  type Breaker,
  type BreakerOptions,
} from '../../src/domain/breaker.js';

const NOW = 5_000;
const EPOCH = Date.UTC(2026, 0, 1);
const LONGEST = BREAKER_DEFAULTS.openMs * 1.2;
const open = (until: number): Breaker => ({ state: 'open', until });
const halfOpen: Breaker = { state: 'half-open' };
const fail = (breaker: Breaker, now: number, random = 0): Breaker =>
  requestFailed(breaker, now, BREAKER_DEFAULTS, () => random);
const failAt = (times: readonly number[]): Breaker =>
  times.reduce((breaker, at) => fail(breaker, at), CLOSED);
const every = (ms: number, count: number): number[] => Array.from({ length: count }, (_, i) => NOW + i * ms);

describe('opening', () => {
  test('RT4 ten failures within a minute open it, nine do not', () => {
    expect(failAt(every(1_000, 9))).toEqual({ state: 'closed', failures: every(1_000, 9) });
    expect(failAt(every(1_000, 10))).toEqual(open(NOW + 9_000 + 30_000));
  });

  test('RT4 the window rolls: what is a minute old no longer counts', () => {
    expect(failAt([...every(1_000, 9), NOW + 59_999])).toMatchObject({ state: 'open' });
    expect(failAt([...every(1_000, 9), NOW + 60_000])).toMatchObject({ state: 'closed' });
    expect(failAt(every(6_667, 100))).toMatchObject({ state: 'closed' });
  });

  test('RT4 successes in between do not empty the window: every second request fails', () => {
    const nine = every(2_000, 9).reduce((breaker, at) => requestSucceeded(fail(breaker, at)), CLOSED);
    expect(fail(nine, NOW + 18_000)).toMatchObject({ state: 'open' });
  });

  test('RT4 clients do not probe together: up to a fifth is added', () => {
    const nine = failAt(every(1, 9));
    const until = (random: number): number => {
      const breaker = fail(nine, NOW, random);
      return breaker.state === 'open' ? breaker.until - NOW : NaN;
    };
    expect([0, 0.5, 1].map(until)).toEqual([30_000, 33_000, 36_000]);
  });

  test('RT4 how many failures, in which time, and for how long are options', () => {
    const options: BreakerOptions = { failures: 2, windowMs: 10, openMs: 100 };
    const one = requestFailed(CLOSED, 0, options, () => 0);
    expect(requestFailed(one, 9, options, () => 0)).toEqual(open(109));
    expect(requestFailed(one, 10, options, () => 0)).toEqual({ state: 'closed', failures: [10] });
    expect(requestFailed(CLOSED, 0, { ...options, failures: 1 }, () => 0)).toEqual(open(100));
  });
});

describe('how many may go', () => {
  test.each<[string, Breaker, number, number]>([
    ['closed', CLOSED, NOW, Infinity],
    ['closed, one failure short of open', failAt(every(1, 9)), NOW, Infinity],
    ['open', open(NOW), NOW - 1, 0],
    ['open, and its time is over', open(NOW), NOW, 1],
    ['open, and its time is long over', open(NOW), NOW + 1e9, 1],
    ['half-open, the probe under way', halfOpen, NOW, 0],
  ])('RT4 %s', (_, breaker, now, allowed) => expect(requestsAllowed(breaker, now)).toBe(allowed));

  test('RT4 the first request after its time is the probe, and the only one', () => {
    const probing = requestStarted(open(NOW), NOW);
    expect(probing).toEqual(halfOpen);
    expect(requestsAllowed(probing, NOW)).toBe(0);
    expect(requestStarted(open(NOW), NOW - 1)).toEqual(open(NOW));
    expect(requestStarted(CLOSED, NOW)).toBe(CLOSED);
  });
});

describe('the probe', () => {
  test('RT4 its success closes, and what was before is forgotten', () => {
    expect(requestSucceeded(halfOpen)).toBe(CLOSED);
    expect(fail(requestSucceeded(halfOpen), NOW)).toEqual({ state: 'closed', failures: [NOW] });
  });

  test('RT4 its failure opens again, with jitter of its own', () =>
    expect(fail(halfOpen, NOW, 0.5)).toEqual(open(NOW + 33_000)));

  test('RT4 its outcome never came: the next request is the probe', () => {
    const withdrawn = requestWithdrawn(halfOpen, NOW);
    expect(requestsAllowed(withdrawn, NOW)).toBe(1);
    expect(requestStarted(withdrawn, NOW)).toEqual(halfOpen);
  });

  test('RT4 what else ends without a word changes nothing', () => {
    for (const breaker of [CLOSED, failAt(every(1, 9)), open(NOW + 1)])
      expect(requestWithdrawn(breaker, NOW)).toBe(breaker);
  });
});

describe('late answers of requests begun before', () => {
  test('RT4 a failure does not lengthen it, whether its time is over or not', () => {
    for (const now of [NOW - 1, NOW, NOW + 1e6]) expect(fail(open(NOW), now)).toEqual(open(NOW));
  });

  test('RT4 a success closes it: the server decides again', () =>
    expect(requestSucceeded(open(NOW))).toBe(CLOSED));
});

describe('a reload', () => {
  const reload = (breaker: Breaker, awayMs: number): Breaker => {
    const stored: unknown = JSON.parse(JSON.stringify({ breaker: toStored(breaker, NOW, EPOCH) }));
    return fromStored((stored as { breaker?: unknown }).breaker, 7, EPOCH + awayMs, BREAKER_DEFAULTS);
  };

  test.each<[string, Breaker, number, Breaker]>([
    ['open stays open for what is left', open(NOW + 20_000), 5_000, open(7 + 15_000)],
    ['open becomes due meanwhile', open(NOW + 20_000), 20_000, open(7)],
    ['open since yesterday: one probe before all', open(NOW + 20_000), 86_400_000, open(7)],
    ['due is due', open(NOW - 1_000), 0, open(7)],
    ['a probe dies with its page, and is due again', halfOpen, 0, open(7)],
    ['the clock is set back a year', open(NOW + 20_000), -3.2e10, open(7 + LONGEST)],
    ['the clock is set forward a year', open(NOW + 20_000), 3.2e10, open(7)],
    ['closed needs no storing', failAt(every(1, 9)), 0, CLOSED],
  ])('RT4 %s', (_, before, awayMs, after) => expect(reload(before, awayMs)).toEqual(after));

  test.each([
    undefined,
    null,
    7,
    'open',
    [],
    [EPOCH],
    {},
    { openUntil: null },
    { openUntil: NaN },
    { openUntil: Infinity },
    { openUntil: String(EPOCH) },
    { until: EPOCH },
  ])('RT4 what is damaged reads as closed: %o', (value) =>
    expect(fromStored(value, NOW, EPOCH, BREAKER_DEFAULTS)).toBe(CLOSED),
  );

  test('RT4 whatever was stored, it lets a probe through in time', () =>
    fc.assert(
      fc.property(fc.anything(), fc.double(), (value, openUntil) => {
        for (const stored of [value, { openUntil }]) {
          const breaker = fromStored(stored, NOW, EPOCH, BREAKER_DEFAULTS);
          expect(requestsAllowed(breaker, NOW + LONGEST)).toBeGreaterThan(0);
        }
      }),
    ));
});

test('RT4 in any history: none goes while open, one probes, it never wedges, and it remembers little', () => {
  const step = fc.record({
    event: fc.constantFrom('start', 'succeed', 'fail', 'fail', 'fail', 'withdraw', 'reload' as const),
    ms: fc.integer({ min: 0, max: 20_000 }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  const options: BreakerOptions = { failures: 3, windowMs: 30_000, openMs: 10_000 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let breaker = CLOSED;
      let now = 0;
      for (const { event, ms, random } of steps) {
        now += ms;
        const before = breaker;
        switch (event) {
          case 'start':
            if (requestsAllowed(breaker, now) > 0) breaker = requestStarted(breaker, now);
            if (before.state !== 'closed') expect(requestsAllowed(breaker, now)).toBe(0);
            break;
          case 'succeed':
            breaker = requestSucceeded(breaker);
            expect(breaker.state).toBe('closed');
            break;
          case 'fail':
            breaker = requestFailed(breaker, now, options, () => random);
            if (before.state === 'open') expect(breaker).toBe(before);
            break;
          case 'withdraw':
            breaker = requestWithdrawn(breaker, now);
            break;
          case 'reload':
            breaker = fromStored(toStored(breaker, now, EPOCH), now, EPOCH, options);
            break;
        }
        if (breaker.state === 'closed') expect(breaker.failures.length).toBeLessThan(options.failures);
        const later = now + options.openMs * 1.2 + 1;
        expect(requestsAllowed(requestWithdrawn(breaker, now), later)).toBeGreaterThan(0);
      }
    }),
  );
});
