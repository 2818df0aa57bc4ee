import type { Entry } from './subject.js';
import { deleteDatabase } from './tasks.js';
import { rest, WrongResult, type Measurement, type Workload } from './workload.js';
import { apply } from './apply.js';
import { boot } from './boot.js';
import { breaker } from './breaker.js';
import { coalescing } from './coalescing.js';
import type { Point } from './curves.js';
import { dom } from './dom.js';
import { drain } from './drain.js';
import { durable } from './durable.js';
import { leaks } from './leaks.js';
import { limits } from './limits.js';
import { live } from './live.js';
import { refused } from './refused.js';
import { select } from './select.js';
import { memory } from './memory.js';

const workloads: readonly Workload[] = [
  ...apply,
  ...dom,
  ...durable,
  ...drain,
  ...boot,
  ...refused,
  ...memory,
  ...live,
  ...select,
  ...coalescing,
  ...breaker,
  ...leaks,
  ...limits,
];

/** One thing to measure: a workload, and who does it. */
interface Case {
  readonly workload: string;
  readonly kind: 'floor' | 'part' | 'subject';
  readonly who: string;
}

/** Gives the page what the runner calls. */
export function start(entries: readonly Entry[]): void {
  const workloadOf = (id: string): Workload => {
    const found = workloads.find((workload) => workload.id === id);
    if (found === undefined) throw new Error(`bench: no workload "${id}"`);
    return found;
  };
  const subjectOf = (name: string) => entries.find((entry) => entry.name === name)?.load();

  async function run({ workload: id, kind, who }: Case): Promise<Partial<Measurement>> {
    await clear();
    const workload = workloadOf(id);
    const subject = kind === 'subject' ? await subjectOf(who) : undefined;
    await rest(); // the browser keeps what it has compiled
    const work = { floor: workload.floors?.[who], part: workload.parts?.[who], subject: workload.run }[kind];
    if (work === undefined) throw new Error(`bench: "${who}" does not do "${id}"`);
    try {
      const first = await work(subject!);
      const isRepeated = workload.again && (kind === 'floor' || subject?.repeatable);
      return isRepeated ? { ...first, ...(await again(first, () => work(subject!))) } : first;
    } catch (error) {
      if (error instanceof WrongResult) return { wrong: error.message };
      throw error;
    }
  }

  Object.assign(globalThis, {
    holdfastBench: {
      list: () => ({
        workloads: workloads.map(({ floors = {}, parts = {}, prepare, run, ...rest }) => ({
          ...rest,
          floors: Object.keys(floors),
          parts: Object.keys(parts),
          prepared: prepare !== undefined,
          general: run !== undefined,
        })),
        subjects: entries.map(({ name, variant = false, without = {} }) => ({ name, variant, without })),
      }),
      async prepare({ workload, kind, who }: Case): Promise<void> {
        await workloadOf(workload).prepare?.(kind === 'subject' ? await subjectOf(who) : undefined);
      },
      run,
      // A peer's page must not load our Dexie beside its own.
      curves: async (what: 'open' | 'bootAndSettle', point: Point) =>
        (await import('./curves.js'))[what](point),
    },
  });
}

const TIMES_MORE = 6;

async function again(first: Measurement, work: () => Promise<Measurement>): Promise<Partial<Measurement>> {
  const times: number[] = [];
  for (let i = 0; i < TIMES_MORE; i++) {
    await clear();
    const { value, wrong } = await work();
    if (wrong !== undefined) return { wrong };
    times.push(value);
  }
  times.sort((a, b) => a - b);
  const middle = times.slice(TIMES_MORE / 2 - 1, TIMES_MORE / 2 + 1);
  return { counts: { 'ms again': (middle[0]! + middle[1]!) / 2, ...first.counts } };
}

/** Databases of earlier runs, but those that were prepared. */
async function clear(): Promise<void> {
  for (const { name } of await indexedDB.databases())
    if (name !== undefined && !name.includes('prepared')) await deleteDatabase(name);
}
