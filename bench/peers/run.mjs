// Runs the same scenarios against Holdfast and its peers, prints a Markdown table and writes results.json.
//   npm run peers [-- --only <text in the name of a file in subjects/>]
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { installPeers, versionOf } from './install.mjs';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '..', '..');
const { values: options } = parseArgs({ options: { only: { type: 'string', default: '' } } });

prepare();
const { scenarios, subjects } = await one([]);
const cases = subjects
  .filter(({ file }) => file.includes(options.only))
  .sort((a, b) => Number(b.packages.includes('holdfast')) - Number(a.packages.includes('holdfast')))
  .map((subject) => ({ subject, cells: [] }));
const todo = cases.flatMap((row) => scenarios.map((_, index) => ({ row, index })));
await Promise.all([worker(), worker()]);
console.log(table());
if (options.only === '') writeFileSync(join(HERE, 'results.json'), `${JSON.stringify(report(), null, 2)}\n`);

function prepare() {
  installPeers();
  execFileSync('npx', ['tsdown', '--out-dir', 'dist-peers', '--log-level', 'warn'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
}

async function one(args) {
  const node = [join(HERE, 'one.mjs'), ...args.map(String)];
  return JSON.parse((await promisify(execFile)(process.execPath, node, { timeout: 120_000 })).stdout);
}

async function worker() {
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    const { row, index } = next;
    const without = row.subject.without?.[scenarios[index].needs];
    row.cells[index] = without === undefined ? await observe(row.subject, index) : { without };
  }
}

async function observe({ file, which, name }, index) {
  process.stderr.write(`${name}: ${scenarios[index].name}\n`);
  try {
    return await one([file, which, index]);
  } catch (error) {
    return { failed: String(error.stderr || error.message).slice(0, 500) };
  }
}

function table() {
  const show = ({ seen, right, without, failed }) => {
    if (without !== undefined) return '—';
    if (failed !== undefined) return 'could not be run';
    return right === undefined ? seen : `${right ? '✓' : '✗'} ${seen}`;
  };
  const rows = [
    ['', ...scenarios.map(({ name }) => name)],
    ['---', ...scenarios.map(() => '---')],
    ['*right*', ...scenarios.map(({ right }) => `*${right ?? 'for information'}*`)],
    ...cases.map(({ subject, cells }) => [subject.name, ...cells.map(show)]),
  ];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function report() {
  const byScenario = (values) => Object.fromEntries(scenarios.map(({ name }, i) => [name, values[i]]));
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    legend:
      'seen: what was observed; right: whether that is right; without: why the cell is empty, nothing was run; ' +
      'failed: it could not be run.',
    scenarios: byScenario(scenarios.map(({ about, right }) => ({ about, right }))),
    subjects: cases.map(({ subject: { name, packages, docs, used }, cells }) => ({
      name,
      versions: Object.fromEntries(packages.map(version)),
      used,
      docs,
      cells: byScenario(cells),
    })),
  };
}

function version(path) {
  if (path !== 'holdfast') return versionOf(path);
  const { name, version: own } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return [name, own];
}
