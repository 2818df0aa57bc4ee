import fc from 'fast-check';
import { arbitraryPlan } from './arbitraryPlan.js';
import { runHistory, type Failed } from './history.js';
import type { Plan } from './plan.js';

export interface FailedPlan extends Failed {
  readonly seed: number | undefined;
  readonly plan: Plan;
}

/** The plan of a seed: the same on every machine, until the generators change. */
export function planOf(seed: number): Plan {
  const [plan] = fc.sample(arbitraryPlan, { seed, numRuns: 1 });
  if (plan === undefined) throw new Error('fast-check made no plan.');
  return plan;
}

export interface SoakOptions {
  /** The seed of the first history; each further one has the next. */
  readonly seed: number;
  readonly histories: number;
  /** Ends early, after this many milliseconds. @default never */
  readonly budgetMs?: number;
  /** How long a failing plan may be shrunk, in milliseconds. @default 20_000 */
  readonly shrinkMs?: number;
  readonly onProgress?: (done: number) => void;
}

export interface Soaked {
  readonly histories: number;
  /** In how many of them each invariant was at stake, by its number. */
  readonly staked: Readonly<Record<number, number>>;
  readonly failed: FailedPlan | undefined;
}

/** Runs histories until one fails, and shrinks that one. */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const { seed, histories, budgetMs = Infinity, shrinkMs = 20_000, onProgress } = options;
  const until = Date.now() + budgetMs;
  const staked: Record<number, number> = {};
  const tally = (invariants: ReadonlySet<number>): void => {
    for (const invariant of invariants) staked[invariant] = (staked[invariant] ?? 0) + 1;
  };
  for (let done = 0; done < histories; done++) {
    if (Date.now() > until) return { histories: done, staked, failed: undefined };
    const failed = await runHistory(planOf(seed + done), tally);
    if (failed !== undefined)
      return { histories: done + 1, staked, failed: await shrink(seed + done, failed, shrinkMs) };
    onProgress?.(done + 1);
  }
  return { histories, staked, failed: undefined };
}

/** The smallest plan found in the time given that breaks the same invariant. */
export async function shrink(seed: number, failed: Failed, shrinkMs: number): Promise<FailedPlan> {
  const until = Date.now() + shrinkMs;
  let smallest: FailedPlan = { ...failed, seed, plan: planOf(seed) };
  const property = fc.asyncProperty(arbitraryPlan, async (plan) => {
    if (Date.now() > until) return;
    const again = await runHistory(plan);
    if (again?.invariant !== failed.invariant) return;
    smallest = { ...again, seed, plan };
    throw new Error(again.message);
  });
  await fc.check(property, { seed, numRuns: 1 });
  return smallest;
}

/** What a person needs to know of a failure. */
export function describeFailure({ seed, plan, message, trace }: FailedPlan, kept?: string): string {
  const replay = [
    ...(seed === undefined ? [] : [`npm run simulate -- --seed ${seed}`]),
    ...(kept === undefined ? [] : [`npm run simulate -- --plan ${kept}`]),
  ];
  return [
    message,
    '',
    ...trace.slice(-60),
    '',
    JSON.stringify(plan),
    '',
    `Replay: ${replay.join('   or   ')}`,
  ].join('\n');
}
