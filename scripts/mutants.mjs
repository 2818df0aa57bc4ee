// Plants bugs, one at a time, and sees the simulation find each, in a schedule that was kept (0) or after so many fresh
// histories: node scripts/mutants.mjs [part of a name …]
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { bundleSimulation } from './bundle-simulation.mjs';
import { PLANTED_BUGS } from './planted-bugs.mjs';

const HISTORIES = 20_000;
const BUDGET_MS = 120_000;
const SCHEDULES = resolve(import.meta.dirname, '../test/simulation/schedules');

const wanted = process.argv.slice(2);
const chosen = Object.entries(PLANTED_BUGS).filter(
  ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
const run = resolve(import.meta.dirname, 'run-simulation.mjs');

/** In a process of its own: a bug may well be an endless loop. */
function simulate(bundle) {
  const args = [
    '--schedules',
    SCHEDULES,
    '--histories',
    HISTORIES,
    '--budget',
    BUDGET_MS,
    '--shrink',
    0,
    '--json',
  ];
  const seed = Math.floor(Math.random() * 2 ** 30);
  return new Promise((done) => {
    const child = spawn(process.execPath, [run, bundle, '--seed', seed, ...args].map(String), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    let hung = false;
    const timer = setTimeout(() => (hung = child.kill('SIGKILL')), BUDGET_MS + 30_000);
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    child.on('close', () => {
      clearTimeout(timer);
      if (hung) return done({ died: true, histories: '?', by: 'hangs' });
      try {
        const { histories, failed } = JSON.parse(out);
        done({
          died: failed !== undefined,
          histories,
          by: failed && `${failed.invariant}: ${failed.message}`,
          seed: failed?.seed,
        });
      } catch {
        done({
          died: true,
          histories: '?',
          by: err.split('\n').find((line) => /Error/.test(line)) ?? 'crashed',
        });
      }
    });
  });
}

/** A bug that can no longer be planted counts as one that survived: nobody has seen it die. */
async function plant(name, patches) {
  try {
    return await simulate(await bundleSimulation(`mutants/${name.replace(/\W+/g, '-')}`, patches));
  } catch (error) {
    const why = /Error: (.*)/.exec(error.message)?.[1] ?? error.message;
    return { died: false, histories: '-', by: `not planted: ${why}` };
  }
}

const rows = [];
for (const [name, patches] of chosen) {
  const { died, histories, by = '', seed = '' } = await plant(name, patches);
  const how = by.replace(/^(\d+): Invariant \d+: /, '$1: ').replace(/\s+/g, ' ');
  console.log(
    `${died ? 'died    ' : 'SURVIVED'} ${String(histories).padStart(6)}  ${String(seed).padStart(10)}  ${name.padEnd(38)} ${how.slice(0, 110)}`,
  );
  rows.push({ name, died });
}
const alive = rows.filter((row) => !row.died).map((row) => row.name);
console.log(`${rows.length - alive.length} of ${rows.length} died.`);
if (alive.length > 0) {
  console.log(`Survived: ${alive.join(', ')}`);
  process.exitCode = 1;
}
