import { apply } from './apply.js';
import { boot } from './boot.js';
import { breaker } from './breaker.js';
import { coalescing } from './coalescing.js';
import { drain } from './drain.js';
import { enqueue } from './enqueue.js';
import { heap } from './heap.js';
import { select } from './select.js';
import type { Measurement } from './workload.js';

const workloads = [...apply, ...enqueue, ...boot, ...drain, ...coalescing, ...select, ...breaker, ...heap];

/** What the runner calls. */
const bench = {
  list: () =>
    workloads.map(({ name, unit, operations, long, prepare, subjects }) => ({
      name,
      unit,
      operations,
      long,
      prepared: prepare !== undefined,
      subjects: Object.keys(subjects),
    })),
  prepare: (index: number): Promise<void> => workloads[index]?.prepare?.() ?? Promise.resolve(),
  run(index: number, subject: string): Promise<Measurement> {
    const work = workloads[index]?.subjects[subject];
    if (work === undefined) throw new Error(`bench: no subject "${subject}" in workload ${index}`);
    return work();
  },
};

declare global {
  var holdfastBench: typeof bench;
}
globalThis.holdfastBench = bench;
