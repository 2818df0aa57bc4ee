// From samples to medians, ratios, a table and a file.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Each ratio is the median of the rounds' ratios: subject and floor of one round met the same machine. */
export function summarise(cases) {
  const floors = new Map();
  for (const one of cases) if (!floors.has(one.index)) floors.set(one.index, one.samples);
  return cases.map(({ index, name, unit, subject, samples, counts }) => ({
    workload: name,
    subject,
    unit,
    median: median(samples),
    min: Math.min(...samples),
    max: Math.max(...samples),
    ratio: median(samples.map((sample, i) => sample / floors.get(index)[i])),
    samples,
    ...(counts && { counts }),
  }));
}

const number = (n) =>
  n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n >= 0.1 || n === 0 ? n.toFixed(2) : n.toPrecision(2);

export function table(results, bundles) {
  const rows = results.map(({ subject, unit, median, min, max, ratio, counts = {} }) => [
    subject,
    `${number(median)} ${unit}`,
    `${number(min)} – ${number(max)}`,
    `× ${number(ratio)}`,
    Object.entries(counts)
      .map(([what, n]) => `${n} ${what}`)
      .join(', '),
  ]);
  const width = (column) => Math.max(...rows.map((row) => row[column].length));
  const lines = [];
  results.forEach(({ workload }, i) => {
    if (workload !== results[i - 1]?.workload) lines.push('', workload);
    const [subject, value, range, ratio, counts] = rows[i];
    lines.push(
      `  ${subject.padEnd(width(0))}  ${value.padStart(width(1))}  ${range.padStart(width(2))}  ${ratio.padStart(width(3))}  ${counts}`.trimEnd(),
    );
  });
  if (bundles) {
    lines.push('', 'bundles, minified and compressed');
    for (const { name, size } of bundles) lines.push(`  ${name}  ${number(size / 1000)} kB`);
  }
  return lines.join('\n');
}

/** What size-limit says of each entry of the built package; undefined where it has not been built. */
export function sizes() {
  const cli = join(ROOT, 'node_modules/size-limit/bin.js');
  if (![cli, join(ROOT, '.size-limit.json'), join(ROOT, 'dist/index.js')].every(existsSync)) return undefined;
  try {
    return JSON.parse(execFileSync(process.execPath, [cli, '--json'], { cwd: ROOT, encoding: 'utf8' }));
  } catch (error) {
    // A budget that is exceeded is an exit code, and still an answer.
    return error.stdout?.startsWith('[') ? JSON.parse(error.stdout) : undefined;
  }
}

export function machine(userAgent) {
  const cores = cpus();
  return {
    cores: cores.length,
    cpu: cores[0]?.model,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    browser: /Chrome\/[\d.]+/.exec(userAgent)?.[0],
  };
}

export async function save(name, result) {
  const folder = join(ROOT, 'bench/results');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}
