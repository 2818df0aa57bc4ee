import { createWakeup } from './wakeup.js';

/** Runs `work` again and again, with a pause of `ms` after each, until `signal` aborts. The first pause is a random share. */
export async function repeat(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  let pause = Math.random() * ms; // instances that start together do not work together
  while ((await createWakeup().wait(pause, signal)) !== 'aborted') {
    await work();
    pause = ms;
  }
}
