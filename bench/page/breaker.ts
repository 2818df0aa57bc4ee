import { systemClock } from '../../src/adapters/systemClock.js';
import { RETRY_DEFAULTS } from '../../src/domain/backoff.js';
import { BREAKER_DEFAULTS, CLOSED, requestsAllowed, type Breaker } from '../../src/domain/breaker.js';
import { TRANSPORT } from '../../src/domain/lanes.js';
import { createGates, type Gates } from '../../src/engine/gates.js';
import { equal, nextTask, type Measurement, type Workload } from './workload.js';

const CHECKS = 1_000_000;
const ROUTES = [TRANSPORT, 'upload', 'sendMail', 'bookSlot'] as const;

/** How much room all checks together have found: that none can be left out. */
async function measure(roomAt: (n: number) => number, expected: number): Promise<Measurement> {
  const run = (): number => {
    let room = 0;
    for (let n = 0; n < CHECKS; n++) room += roomAt(n) > 0 ? 1 : 0;
    return room;
  };
  run();
  await nextTask();
  const start = performance.now();
  const room = run();
  const ms = performance.now() - start;
  equal(room, expected, 'checks that let something through');
  return { ms };
}

const empty = (n: number): number => n & 3;

/** One in four is open. */
const BREAKERS: readonly Breaker[] = [
  CLOSED,
  { state: 'closed', failures: [1, 2, 3] },
  CLOSED,
  { state: 'open', until: Infinity },
];

function gates(): Gates {
  const openUntil = Date.now() + BREAKER_DEFAULTS.openMs;
  const made = createGates({
    clock: systemClock(),
    random: Math.random,
    retry: RETRY_DEFAULTS,
    breaker: BREAKER_DEFAULTS,
    stored: () => ({ bookSlot: { openUntil } }),
    tripped: () => undefined,
  });
  for (const route of ROUTES) made.gate(route);
  equal(made.breaker.state, 'open', 'the breaker of bookSlot');
  return made;
}

export const breaker: readonly Workload[] = [
  {
    name: 'whether something may go, of four routes one of which is open',
    unit: 'ns each',
    operations: CHECKS,
    subjects: {
      'empty call': () => measure(empty, (CHECKS / 4) * 3),
      'performance.now()': () => measure(() => performance.now(), CHECKS),
      requestsAllowed: () => {
        const now = performance.now();
        return measure((n) => requestsAllowed(BREAKERS[n & 3]!, now), (CHECKS / 4) * 3);
      },
      'gates.gate': () => {
        const { gate } = gates();
        return measure((n) => gate(ROUTES[n & 3]!).room, (CHECKS / 4) * 3);
      },
    },
  },
];
