import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/systemClock.js';

const DAY = 86_400_000;

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('sleeps as long as it was told', async () => {
    const clock = systemClock();
    const woke = vi.fn();
    void clock.sleep(1000).then(woke);
    await vi.advanceTimersByTimeAsync(999);
    expect(woke).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woke).toHaveBeenCalled();
  });

  test('RT2 a delay beyond 2^31 ms neither fires at once nor early', async () => {
    const clock = systemClock();
    const woke = vi.fn();
    void clock.sleep(60 * DAY).then(woke);
    await vi.advanceTimersByTimeAsync(60 * DAY - 1);
    expect(woke).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woke).toHaveBeenCalled();
  });

  test.each([Infinity, 40 * DAY, 1000])(
    'TB5 a sleep of %d ends with its signal, leaving no timer',
    async (ms) => {
      const stop = new AbortController();
      const slept = systemClock().sleep(ms, stop.signal);
      expect(vi.getTimerCount()).toBe(1);
      stop.abort();
      await slept;
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test('an aborted signal, or no time at all, does not wait', async () => {
    await systemClock().sleep(1000, AbortSignal.abort());
    for (const ms of [0, -5, NaN]) {
      const slept = systemClock().sleep(ms);
      await vi.advanceTimersByTimeAsync(1);
      await slept;
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  test('now is the wall clock, which may jump; monotonic is not', () => {
    const clock = systemClock();
    const before = clock.monotonic();
    vi.setSystemTime(Date.UTC(2020, 0, 1));
    expect(clock.now()).toBe(Date.UTC(2020, 0, 1));
    expect(clock.monotonic()).toBe(before);
  });
});
