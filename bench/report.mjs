// From runs to medians, ratios, a table and files.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const ROOT = join(import.meta.dirname, '..');

export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Each ratio is the median of the rounds' ratios: it and the floor of one round met the same machine. */
export function summarise(workloads, cases) {
  return workloads.map(({ id, name, unit, targets = {} }) => {
    const own = cases.filter(({ workload }) => workload === id);
    const floor = own.find(({ kind }) => kind === 'floor')?.runs ?? [];
    return { id, name, unit, targets, results: own.map((one) => summary(one, floor)) };
  });
}

function summary({ kind, who, page, runs, without }, floor) {
  if (without !== undefined) return { kind, who, page, without };
  const { wrong } = runs.find((run) => run.wrong !== undefined) ?? {};
  const late = runs.filter((run) => run.unfinished !== undefined);
  const samples = runs.map(({ value }) => value).filter((value) => value !== undefined && value !== null);
  if (samples.length === 0)
    return { kind, who, page, ...(late.length > 0 ? late[0] : { wrong: wrong ?? 'not run' }) };
  const ratios = runs
    .map(({ value }, i) => value / floor[i]?.value)
    .filter((ratio) => Number.isFinite(ratio));
  const counts = Object.fromEntries(
    Object.keys(runs.at(-1).counts ?? {}).map((what) => [
      what,
      median(runs.map((run) => run.counts?.[what] ?? 0)),
    ]),
  );
  return {
    kind,
    who,
    page,
    median: median(samples),
    min: Math.min(...samples),
    max: Math.max(...samples),
    ...(ratios.length > 0 && { ratio: median(ratios) }),
    ...(Object.keys(counts).length > 0 && { counts }),
    ...(wrong !== undefined && { wrong }),
    ...(late.length > 0 && { unfinished: `${late.length} of ${runs.length} runs ${late[0].unfinished}` }),
    samples,
  };
}

export const number = (n) => {
  if (!Number.isFinite(n)) return '–';
  if (Math.abs(n) >= 1000) return Math.round(n).toLocaleString('en');
  if (Math.abs(n) >= 100) return n.toFixed(0);
  if (Math.abs(n) >= 10) return n.toFixed(1);
  return Math.abs(n) >= 0.1 || n === 0 ? n.toFixed(2) : n.toPrecision(2);
};
const count = (n) => (Number.isInteger(n) ? n.toLocaleString('en') : number(n));

/** The targets that ours misses, and by how much. */
export function missed({ targets }, { kind, page, median, counts = {} }) {
  if (kind !== 'subject' || page !== 'ours') return [];
  const values = { value: median, ...counts };
  return Object.entries(targets).flatMap(([what, most]) =>
    values[what] > most
      ? [
          `${what === 'value' ? '' : `${what} `}≤ ${most}${most > 0 ? ` (× ${number(values[what] / most)})` : ''}`,
        ]
      : [],
  );
}

export function table(workloads, bundles) {
  const lines = [];
  for (const workload of workloads) {
    if (workload.results.length === 0) continue;
    lines.push('', workload.name);
    const rows = workload.results.map((result) => {
      const { who, median, min, max, ratio, counts = {}, wrong, unfinished, without } = result;
      const measured = median !== undefined;
      const late = missed(workload, result);
      return [
        who,
        measured ? `${number(median)} ${workload.unit}` : '–',
        measured ? `${number(min)} – ${number(max)}` : '',
        measured && ratio !== undefined ? `× ${number(ratio)}` : '',
        [
          ...Object.entries(counts).map(([what, n]) => `${count(n)} ${what}`),
          ...(wrong === undefined ? [] : [`WRONG: ${wrong}`]),
          ...(unfinished === undefined ? [] : [unfinished]),
          ...(without === undefined ? [] : [without]),
          ...(late.length === 0 ? [] : [`MISSES ${late.join(', ')}`]),
        ].join(', '),
      ];
    });
    lines.push(...aligned(rows));
  }
  if (bundles.length > 0) {
    lines.push('', 'bundles, minified and compressed, React left out');
    lines.push(
      ...aligned(
        bundles.map(({ name, kB, target }) => [
          name,
          `${number(kB)} kB`,
          '',
          '',
          kB > target ? `MISSES ≤ ${target}` : '',
        ]),
      ),
    );
  }
  return lines.join('\n');
}

function aligned(rows) {
  const width = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map(([who, ...rest]) =>
    [
      '  ',
      who.padEnd(width[0]),
      ...rest.slice(0, 3).map((cell, i) => `  ${cell.padStart(width[i + 1])}`),
      '  ',
      rest[3],
    ]
      .join('')
      .trimEnd(),
  );
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

/** Writes `bench/results/NAME.json`. */
export async function save(name, report) {
  const folder = join(ROOT, 'bench/results');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->` in a file of the docs. */
export async function writeSection(path, name, content) {
  const file = join(ROOT, path);
  const text = readFileSync(file, 'utf8').replace(
    new RegExp(`<!-- ${name} -->[^]*<!-- /${name} -->`),
    () => `<!-- ${name} -->\n\n${content}\n\n<!-- /${name} -->`,
  );
  await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

export const writeTable = (report) => writeSection('docs/performance.md', 'bench', markdown(report));

function markdown({ date, machine: { cores, cpu, browser }, rounds, workloads, bundles }) {
  const shared = workloads.filter(({ results }) => results.some(({ page }) => page === 'peers'));
  const own = workloads.filter((workload) => !shared.includes(workload));
  const peers = [
    ...new Set(
      shared.flatMap(({ results }) => results.filter(({ page }) => page === 'peers').map(({ who }) => who)),
    ),
  ];
  const ours = (workload) => workload.results.find(({ who }) => who === 'Holdfast');
  const floorOf = ({ results }) => results.find(({ kind }) => kind === 'floor');
  const goal = ({ targets, unit }) =>
    Object.entries(targets)
      .map(([what, most]) => (what === 'value' ? `≤ ${most} ${unit}` : `≤ ${most} ${what}`))
      .join(', ');
  const cell = ({ unit }, result) => {
    if (result === undefined || result.without !== undefined) return '–';
    const { median, min, max, counts = {}, wrong, unfinished } = result;
    const value = median === undefined ? '' : `${number(median)} ${unit} (${number(min)}–${number(max)})`;
    const others = Object.entries(counts).map(([what, n]) => `${count(n)} ${what}`);
    return [
      value,
      ...others,
      ...(wrong === undefined ? [] : [`**wrong:** ${wrong}`]),
      ...(unfinished === undefined ? [] : [unfinished]),
    ]
      .filter(Boolean)
      .join(', ');
  };
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const head = (cells) => [row(cells), row(cells.map(() => '---'))];
  const notes = shared.flatMap(({ name, results }) =>
    results
      .filter(({ without }) => without !== undefined)
      .map(({ who, without }) => `- ${who}, ${name}: ${without}.`),
  );
  return [
    `${date}, ${cores} cores (${cpu}), ${browser}; up to ${rounds} rounds, median (min–max).`,
    '',
    ...head(['work', 'target', 'floor', 'Holdfast', 'to the floor', ...peers]),
    ...shared.map((workload) =>
      row([
        workload.name,
        goal(workload),
        cell(workload, floorOf(workload)),
        `**${cell(workload, ours(workload))}**`,
        ours(workload)?.ratio === undefined ? '–' : `× ${number(ours(workload).ratio)}`,
        ...peers.map((who) =>
          cell(
            workload,
            workload.results.find((result) => result.who === who),
          ),
        ),
      ]),
    ),
    '',
    'Ours alone:',
    '',
    ...head(['work', 'target', 'who', 'median (min–max)', 'to the floor']),
    ...own.flatMap((workload) =>
      workload.results.map((result, i) =>
        row([
          i === 0 ? workload.name : '',
          i === 0 ? goal(workload) : '',
          result.who,
          cell(workload, result),
          result.ratio === undefined ? '–' : `× ${number(result.ratio)}`,
        ]),
      ),
    ),
    '',
    'Bundles, minified and compressed, React left out:',
    '',
    ...head(['bundle', 'kB', 'target']),
    ...bundles.map(({ name, kB, target }) =>
      row([name, number(kB), target === undefined ? '' : `≤ ${target}`]),
    ),
    '',
    'Why a cell has a –:',
    '',
    ...notes,
  ].join('\n');
}
