import type { Clock } from '../engine/ports.js';

export interface SimulatedClock extends Clock {
  /** How many sleepers wait. */
  readonly waiting: number;
  /** Lets `ms` pass: wakes whoever is due, in order, and lets each finish its synchronous and micro-task work. */
  advance(ms: number): Promise<void>;
  /** Like `advance`, up to a point of {@link Clock.monotonic}; does nothing when it has passed. */
  run(until: number): Promise<void>;
  /** Lets time pass until nobody waits. Throws when that does not end: somebody sleeps for ever in a loop. */
  runUntilIdle(options?: { readonly maxEvents?: number }): Promise<void>;
  /** Moves the wall clock only, either way, as a user or NTP would; nobody wakes. */
  jump(ms: number): void;
}

export interface SimulatedClockOptions {
  /** The wall clock at the beginning, in milliseconds since the epoch. @default 2026-01-01T00:00:00Z */
  readonly start?: number;
  /**
   * Lets everything that can go on without time go on. The default awaits one turn of the event loop, which empties
   * the micro-task queue; with fake-indexeddb, which needs several, pass your own.
   */
  readonly settle?: () => Promise<void>;
}

/** Later than every sleep but one without end, which is not waited for. */
const UNTIL_IDLE = Number.MAX_VALUE;

interface Sleeper {
  readonly dueAt: number;
  wake(): void;
}

/**
 * A clock whose time passes only when told to. Two sleepers due at the same time wake in the order they went to sleep,
 * so a run is the same every time.
 * @example
 * const clock = createSimulatedClock()
 * const done = clock.sleep(60_000)
 * await clock.advance(60_000) // no minute has passed
 */
export function createSimulatedClock(options: SimulatedClockOptions = {}): SimulatedClock {
  const { start = Date.UTC(2026, 0, 1), settle = oneTurn } = options;
  /** By due time, then by insertion; the next one is the last. */
  const queue: Sleeper[] = [];
  let elapsed = 0;
  let wallOffset = start;
  let running = false;

  function insert(sleeper: Sleeper): void {
    let low = 0;
    let high = queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((queue[middle]?.dueAt ?? 0) > sleeper.dueAt) low = middle + 1;
      else high = middle;
    }
    queue.splice(low, 0, sleeper);
  }

  async function pass(until: number, maxEvents: number): Promise<void> {
    if (running) throw new Error('The simulated clock is already running; await the former call first.');
    running = true;
    try {
      await settle();
      for (let events = 0; ; events++) {
        const next = queue.at(-1);
        if (next === undefined || next.dueAt > until) break;
        if (events >= maxEvents)
          throw new Error(
            `The simulated clock woke ${events} sleepers and is not idle: who sleeps in a loop?`,
          );
        queue.pop();
        elapsed = Math.max(elapsed, next.dueAt);
        next.wake();
        await settle();
      }
      if (until !== UNTIL_IDLE) elapsed = Math.max(elapsed, until);
    } finally {
      running = false;
    }
  }

  return {
    now: () => wallOffset + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) {
          resolve();
          return;
        }
        const aborted = (): void => {
          queue.splice(queue.indexOf(sleeper), 1);
          resolve();
        };
        const sleeper: Sleeper = {
          dueAt: elapsed + (ms > 0 ? ms : 0),
          wake() {
            signal?.removeEventListener('abort', aborted);
            resolve();
          },
        };
        signal?.addEventListener('abort', aborted, { once: true });
        insert(sleeper);
      }),
    get waiting() {
      return queue.length;
    },
    advance: (ms) => pass(elapsed + ms, Infinity),
    run: (until) => pass(until, Infinity),
    runUntilIdle: ({ maxEvents = 100_000 } = {}) => pass(UNTIL_IDLE, maxEvents),
    jump(ms) {
      wallOffset += ms;
    },
  };
}

const MICRO_TASKS = 200;

async function oneTurn(): Promise<void> {
  const { setImmediate: immediate } = globalThis as { setImmediate?: (call: () => void) => unknown };
  if (immediate !== undefined) await new Promise<void>((resolve) => immediate(resolve));
  else for (let i = 0; i < MICRO_TASKS; i++) await Promise.resolve();
}
