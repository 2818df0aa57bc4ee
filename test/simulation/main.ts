import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { runHistory } from './history.js';
import type { Plan } from './plan.js';
import { describeFailure, soak, type FailedPlan, type Soaked } from './soak.js';

/** `simulate [--seed N] [--histories N] [--plan FILE] [--schedules FOLDER] [--budget MS] [--shrink MS] [--json]` */
export async function main(args: readonly string[], keepIn: string): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      histories: { type: 'string' },
      plan: { type: 'string' },
      schedules: { type: 'string' },
      budget: { type: 'string' },
      shrink: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const say = (text: string): void => {
    if (!values.json) process.stdout.write(text);
  };
  if (values.plan !== undefined) {
    const plan = JSON.parse(readFileSync(values.plan, 'utf8')) as Plan;
    const failed = await runHistory(plan);
    say(
      failed === undefined
        ? 'The plan holds.\n'
        : `${describeFailure({ ...failed, seed: undefined, plan }, values.plan)}\n`,
    );
    return failed === undefined ? 0 : 1;
  }
  const seed = values.seed === undefined ? freshSeed() : Number(values.seed);
  const histories = Number(values.histories ?? (values.seed === undefined ? 1_000 : 1));
  const startedAt = Date.now();
  say(`${histories} histories from seed ${seed}\n`);
  const replayed = values.schedules === undefined ? undefined : await replay(values.schedules);
  const soaked =
    replayed ??
    (await soak({
      seed,
      histories,
      budgetMs: Number(values.budget ?? Infinity),
      shrinkMs: Number(values.shrink ?? 20_000),
      onProgress(done) {
        if (done % 100 === 0) say(`\r${done} held, ${rate(done, startedAt)} a second `);
      },
    }));
  if (values.json) {
    process.stdout.write(JSON.stringify(soaked));
    return soaked.failed === undefined ? 0 : 1;
  }
  if (soaked.failed === undefined) {
    say(`\r${soaked.histories} histories held, ${rate(soaked.histories, startedAt)} a second.\n`);
    for (const [invariant, times] of Object.entries(soaked.staked))
      say(`invariant ${invariant} was at stake in ${times}, and held in all\n`);
    return 0;
  }
  say(`\n${describeFailure(soaked.failed, keep(soaked.failed, keepIn))}\n`);
  return 1;
}

/** The first of the kept schedules that does not hold. */
async function replay(folder: string): Promise<Soaked | undefined> {
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.json')) continue;
    const plan = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as Plan;
    const failed = await runHistory(plan);
    if (failed !== undefined)
      return { histories: 0, staked: {}, failed: { ...failed, seed: undefined, plan } };
  }
  return undefined;
}

/** 31 bits: fast-check's seeds are 32-bit integers. */
const freshSeed = (): number => Math.floor(Math.random() * 2 ** 30);

export function keep({ seed, invariant, plan }: FailedPlan, folder: string): string {
  const file = `${folder}/invariant-${invariant}-seed-${seed ?? 0}.json`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(plan, null, 2)}\n`);
  return file;
}

const rate = (done: number, startedAt: number): string =>
  (done / Math.max(0.001, (Date.now() - startedAt) / 1000)).toFixed(0);
