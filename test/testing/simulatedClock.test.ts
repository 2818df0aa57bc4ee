import { describe, expect, test } from 'vitest';
import { createSimulatedClock } from '../../src/testing/simulatedClock.js';

function sleepers() {
  const clock = createSimulatedClock({ start: 1000 });
  const log: string[] = [];
  const sleep = (name: string, ms: number, signal?: AbortSignal): Promise<void> =>
    clock.sleep(ms, signal).then(() => void log.push(`${name}@${clock.monotonic()}`));
  return { clock, log, sleep };
}

describe('simulated clock', () => {
  test('wakes by time, then in the order they went to sleep', async () => {
    const { clock, log, sleep } = sleepers();
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['zero', 0],
      ['past', -5],
    ] as const)
      void sleep(name, ms);
    await clock.advance(25);
    expect(log).toEqual(['zero@0', 'past@0', 'a@10', 'b1@20', 'b2@20']);
    expect([clock.monotonic(), clock.now(), clock.waiting]).toEqual([25, 1025, 1]);
    await clock.run(30);
    expect(log.at(-1)).toBe('c@30');
    await clock.run(10);
    expect(clock.monotonic()).toBe(30);
  });

  test('who goes to sleep again is woken again, within the same time', async () => {
    const { clock, log } = sleepers();
    void (async () => {
      for (let i = 0; i < 5; i++) {
        await clock.sleep(10);
        for (let j = 0; j < 50; j++) await Promise.resolve(); // work without time
        log.push(String(clock.monotonic()));
      }
    })();
    await clock.advance(34);
    expect(log).toEqual(['10', '20', '30']);
    await clock.runUntilIdle();
    expect([log.length, clock.monotonic(), clock.waiting]).toEqual([5, 50, 0]);
  });

  test('a sleep ends with its signal, at once and without a trace', async () => {
    const { clock, log, sleep } = sleepers();
    const stop = new AbortController();
    const [a, b] = [sleep('a', 50, stop.signal), sleep('b', 50, stop.signal)];
    await clock.advance(10);
    stop.abort();
    await Promise.all([a, b, sleep('late', 50, stop.signal)]);
    expect([log, clock.waiting]).toEqual([['a@10', 'b@10', 'late@10'], 0]);
  });

  test('a jump moves the wall clock only', async () => {
    const { clock, log, sleep } = sleepers();
    void sleep('a', 10);
    clock.jump(-86_400_000);
    expect(clock.now()).toBe(1000 - 86_400_000);
    await clock.advance(10);
    expect([log, clock.monotonic()]).toEqual([['a@10'], 10]);
  });

  test('runUntilIdle does not wait for a sleep without end, and says when there is no end', async () => {
    const { clock, sleep } = sleepers();
    void sleep('never', Infinity);
    await clock.runUntilIdle();
    expect([clock.monotonic(), clock.waiting]).toEqual([0, 1]);
    void (async () => {
      while (clock.waiting < 9) await clock.sleep(1);
    })();
    await expect(clock.runUntilIdle({ maxEvents: 100 })).rejects.toThrow(/woke 100 sleepers and is not idle/);
  });

  test('two runs at once are a mistake, and said so', async () => {
    const { clock } = sleepers();
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow(/already running/);
    await first;
  });
});
