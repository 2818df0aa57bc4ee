import { createMemoryDisk, type MemoryDisk } from '../../src/adapters/memoryStorage.js';
import type { Lease, Random, TabChannel } from '../../src/engine/ports.js';
import { seededRandom } from '../../src/testing/seededRandom.js';
import { createSimulatedClock, type SimulatedClock } from '../../src/testing/simulatedClock.js';
import { createGateway, type Gateway } from './gateway.js';
import type { Life } from './life.js';
import type { Plan } from './plan.js';
import { createReport, type Report } from './report.js';
import { createTruth, type Truth } from './truth.js';

/** The server, the time, and what lies between all devices. */
export interface World {
  readonly plan: Plan;
  readonly clock: SimulatedClock;
  readonly report: Report;
  readonly gateway: Gateway;
  readonly devices: readonly Device[];
  /** A value that is told from every other. */
  readonly stamp: () => string;
  /** Draws of one thing do not reshuffle those of another. */
  random(stream: string): Random;
  /** Faults happen. */
  readonly chaos: boolean;
  /** Nothing can be stored now, on any device. */
  readonly full: boolean;
  fill(ms: number): void;
  heal(): void;
}

/** One device: its tabs share a disk, a lease and a wall clock. */
export interface Device extends World {
  /** Of this device: `tabs` are its own. */
  readonly plan: Plan;
  /** One letter for each of its tabs. */
  readonly letters: string;
  readonly isFirst: boolean;
  /** Its wall clock, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly disk: MemoryDisk;
  readonly truth: Truth;
  readonly lease: (life: Life) => Lease;
  /** Whether a process holds the lease, if there is but one. */
  readonly leads: (life: Life) => boolean;
  readonly tabs: (life: Life) => TabChannel & { readonly listening: boolean };
}

/** So many turns of the loop at one instant are a storm. */
const TURNS_PER_INSTANT = 3_000;

/** @param check called whenever everything that could go on without time has gone on */
export function createWorld(plan: Plan, check: () => void): World {
  let chaos = true;
  let fullUntil = 0;
  let instant = -1;
  let turns = 0;
  let stamps = 0;
  const clock: SimulatedClock = createSimulatedClock({
    async settle() {
      await new Promise<void>((resolve) => setImmediate(resolve));
      turns = clock.monotonic() === instant ? turns + 1 : 0;
      instant = clock.monotonic();
      if (turns > TURNS_PER_INSTANT) report.fail(12, `${turns} turns without a millisecond passing`);
      if (report.violation === undefined) check();
      if (report.violation !== undefined) throw report.violation;
    },
  });
  const report = createReport(() => clock.monotonic());
  const random = (stream: string): Random => seededRandom(hash(`${plan.seed}/${stream}`));
  const all = [{ tabs: plan.tabs, skewMs: 0 }, ...(plan.others ?? [])];
  const owners = all.map(({ tabs, skewMs }, i) => {
    const now = (): number => clock.now() + skewMs;
    const letters = LETTERS.slice(2 * i, 2 * i + 2);
    const own = { ...plan, tabs };
    return { now, letters, plan: own, truth: createTruth(report, own, now, letters) };
  });
  const world: World = {
    plan,
    clock,
    report,
    gateway: createGateway(
      clock,
      plan,
      random('gateway'),
      owners.map(({ truth }) => truth),
    ),
    get devices() {
      return devices;
    },
    stamp: () => `v${stamps++}`,
    random,
    get chaos() {
      return chaos;
    },
    get full() {
      return clock.monotonic() < fullUntil;
    },
    fill(ms) {
      fullUntil = clock.monotonic() + ms;
    },
    heal() {
      chaos = false;
      fullUntil = 0;
    },
  };
  const devices = owners.map((owner) => createDevice(world, owner));
  return world;
}

/** Two for each device. */
const LETTERS = 'ABCDEFGHIJ';

function createDevice(world: World, own: Pick<Device, 'now' | 'letters' | 'plan' | 'truth'>): Device {
  const { clock } = world;
  const isFirst = own.letters.startsWith('A');
  const hints = world.random(isFirst ? 'hints' : `hints ${own.letters}`);
  const one = own.plan.lease === 'one' ? oneHolder() : undefined;
  const channels = new Set<{ readonly life: Life; readonly heard: () => void }>();
  const device: Omit<Device, keyof World> & Pick<Device, 'plan'> = {
    ...own,
    isFirst,
    disk: createMemoryDisk(),
    lease: one?.lease ?? (() => ({ hold: (_name, _signal, work) => work() })),
    leads: one?.leads ?? (() => true),
    tabs: (life) => ({
      get listening() {
        return [...channels].some((channel) => channel.life === life);
      },
      open(_namespace, heard) {
        const own = { life, heard };
        channels.add(own);
        return {
          announce() {
            if (life.state === 'dead') return;
            for (const other of channels) {
              if (other === own || (world.chaos && hints() < world.plan.network.hintLoss)) continue;
              void clock
                .sleep(hints() * 20)
                .then(() => other.life.deliver(() => channels.has(other) && other.heard()));
            }
          },
          close: () => channels.delete(own),
        };
      },
    }),
  };
  return Object.assign(Object.create(world) as World, device);
}

/** The same world from a device with an empty disk; what its disk holds is not checked. */
export function anotherDevice(world: World): Device {
  const now = (): number => world.clock.now();
  const letters = 'N';
  const truth = createTruth(world.report, world.plan, now, letters);
  return createDevice(world, {
    now,
    letters,
    plan: { ...world.plan, lease: 'all' },
    truth: { ...truth, committed: () => undefined },
  });
}

/** A Web Lock: it passes to the next when its holder ends or dies, and a frozen holder keeps it. */
function oneHolder(): Pick<Device, 'lease' | 'leads'> {
  const queue: { readonly life: Life; readonly run: () => void }[] = [];
  let holder: Life | undefined;
  const pass = (): void => {
    if (holder !== undefined && holder.state !== 'dead') return;
    holder = undefined;
    const next = queue.shift();
    if (next === undefined) return;
    if (next.life.state === 'dead') {
      pass();
      return;
    }
    holder = next.life;
    next.life.deliver(next.run);
  };
  const died = (life: Life): void => {
    if (life === holder) pass();
  };
  const lease = (life: Life): Lease => {
    const kill = life.kill;
    life.kill = () => {
      kill();
      died(life);
    };
    return {
      hold: (_name, signal, work) =>
        new Promise((resolve) => {
          if (signal.aborted) {
            resolve();
            return;
          }
          const entry = {
            life,
            run: () => {
              void work().then(() => {
                holder = undefined;
                pass();
                resolve();
              });
            },
          };
          signal.addEventListener('abort', () => {
            const at = queue.indexOf(entry);
            if (at < 0) return;
            queue.splice(at, 1);
            resolve();
          });
          queue.push(entry);
          pass();
        }),
    };
  };
  return { lease, leads: (life) => holder === life };
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}
