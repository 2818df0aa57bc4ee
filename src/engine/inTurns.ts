import type { Clock } from './ports.js';

/** Does `work` to its end, from yield to yield in a task of its own, so that the page stays awake. */
export async function inTurns<R>(work: Generator<undefined, R>, clock: Pick<Clock, 'sleep'>): Promise<R> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await clock.sleep(0);
  }
}
