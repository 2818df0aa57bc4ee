import { systemClock } from '../../src/adapters/systemClock.js';
import { RETRY_DEFAULTS } from '../../src/domain/backoff.js';
import { BREAKER_DEFAULTS, CLOSED, requestsAllowed, type Breaker } from '../../src/domain/breaker.js';
import { TRANSPORT } from '../../src/domain/lanes.js';
import { createGates, type Gates } from '../../src/engine/gates.js';
import { timed } from './host.js';
import { equal, nextTask, type Measurement, type Workload } from './workload.js';

const CHECKS = 1_000_000;
const ROUTES = [TRANSPORT, 'upload', 'sendMail', 'bookSlot'] as const;

/** How much room all checks together have found: that none can be left out. */
async function perCheck(roomAt: (n: number) => number, expected: number): Promise<Measurement> {
  const run = (): number => {
    let room = 0;
    for (let n = 0; n < CHECKS; n++) room += roomAt(n) > 0 ? 1 : 0;
    return room;
  };
  run();
  await nextTask();
  let room = 0;
  const ms = await timed(() => {
    room = run();
  });
  equal(room, expected, 'checks that let something through');
  return { value: (ms * 1e6) / CHECKS };
}

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
    id: 'breaker',
    name: 'whether something may go, of four routes one of which is open, per check',
    unit: 'ns',
    floors: {
      'performance.now()': () => perCheck(() => performance.now(), CHECKS),
      'empty call': () => perCheck((n) => n & 3, (CHECKS / 4) * 3),
    },
    parts: {
      'Holdfast, the breaker': () => {
        const now = performance.now();
        return perCheck((n) => requestsAllowed(BREAKERS[n & 3]!, now), (CHECKS / 4) * 3);
      },
      'Holdfast, all that a route is asked': () => {
        const { gate } = gates();
        return perCheck((n) => gate(ROUTES[n & 3]!).room, (CHECKS / 4) * 3);
      },
    },
  },
];
