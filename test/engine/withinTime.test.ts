import { expect, test } from 'vitest';
import { withinTime } from '../../src/engine/withinTime.js';
import { createSimulatedClock } from '../../src/testing/simulatedClock.js';

/** Waits a second for what takes `takesMs`. */
function waiting(takesMs: number) {
  const clock = createSimulatedClock();
  const life = new AbortController();
  let own: AbortSignal | undefined;
  const found = withinTime<object>(
    async (signal) => {
      own = signal;
      await clock.sleep(takesMs);
      return { answer: 1 };
    },
    ({ code, message }) => ({ code, message }),
    { ms: 1_000, clock, signal: life.signal },
  );
  return { clock, life, found, signal: own as AbortSignal };
}

test('RT3 what comes in time is taken, and its timer ends', async () => {
  const { clock, found, signal } = waiting(999);
  await clock.advance(999);
  expect([await found, signal.aborted, clock.waiting]).toEqual([{ answer: 1 }, false, 0]);
});

test('RT3 what comes in the same moment, and first, is taken: nothing is aborted', async () => {
  const { clock, found, signal } = waiting(1_000);
  await clock.advance(1_000);
  expect([await found, signal.aborted]).toEqual([{ answer: 1 }, false]);
});

test('RT3 what is late is aborted, and ignored', async () => {
  const { clock, found, signal } = waiting(1_001);
  await clock.advance(2_000);
  expect([await found, signal.reason]).toMatchObject([
    { code: 'TIMEOUT', message: 'No answer within 1000 ms.' },
    { code: 'TIMEOUT' },
  ]);
});

test('RT3 what nobody waits for is aborted with their reason', async () => {
  const { clock, life, found, signal } = waiting(500);
  life.abort(new Error('enough'));
  await clock.advance(0);
  expect([await found, signal.reason]).toMatchObject([{ code: 'TIMEOUT' }, { message: 'enough' }]);
});
