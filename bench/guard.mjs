// Guards ratios to the floor: never milliseconds, which depend on the machine.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, 'ratios.json');
const MOST = 2;

/** `{ "<workload> · <who>": ratio }` of what is ours. */
function ratiosOf(workloads) {
  const ours = workloads.flatMap(({ id, name, results }) =>
    results
      .filter(
        ({ kind, who, ratio }) => kind !== 'floor' && who.startsWith('Holdfast') && Number.isFinite(ratio),
      )
      .map(({ who, ratio }) => ({ id, name: `${name} · ${who}`, key: `${id} · ${who}`, ratio })),
  );
  return ours;
}

/** Those that are more than twice as far from the floor as they were. */
export function compare(workloads) {
  const kept = JSON.parse(readFileSync(FILE, 'utf8'));
  return ratiosOf(workloads).flatMap(({ id, name, key, ratio }) =>
    kept[key] !== undefined && ratio > MOST * kept[key] ? [{ id, name, was: kept[key], is: ratio }] : [],
  );
}

export async function keep(workloads) {
  const ratios = Object.fromEntries(
    ratiosOf(workloads).map(({ key, ratio }) => [key, Number(ratio.toPrecision(3))]),
  );
  await writeFile(FILE, `${JSON.stringify(ratios, undefined, 2)}\n`);
}
