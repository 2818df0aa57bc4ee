// npm start [-- --open]: builds the library, starts the reference server (rows in .data/) and Storybook, and prints the
// address of the demo when both answer. Ctrl-C stops both; when one ends the other is stopped too.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { binOf, ensurePackages, ROOT } from './ensure-packages.mjs';

const { values } = parseArgs({ options: { open: { type: 'boolean', default: false } } });
const STORY = '/?path=/story/demo-two-devices--two-devices-one-server';
const PATIENCE_MS = 120_000;
const windows = process.platform === 'win32';

ensurePackages();
const build = spawnSync(process.execPath, [binOf('tsdown'), '--log-level', 'warn'], {
  cwd: ROOT,
  stdio: 'inherit',
});
if (build.status !== 0) {
  console.error('The library does not build; nothing was started.');
  process.exit(1);
}

const data = join(ROOT, '.data');
mkdirSync(data, { recursive: true });
const serverPort = await portNear(3901);
const storybookPort = await portNear(6006);
const serverUrl = `http://127.0.0.1:${serverPort}`;
const storybookUrl = `http://localhost:${storybookPort}`;

const running = new Map();
let stopping = false;
process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));
process.on('SIGHUP', () => void stop(0));

run('server', [
  join(ROOT, 'scripts', 'reference-server.mjs'),
  ...['--port', String(serverPort), '--data', join(data, 'pglite')],
  ...['--app', join(ROOT, 'stories', 'data', 'app.mjs')],
]);
run('storybook', [
  binOf('storybook'),
  ...['dev', '--port', String(storybookPort), '--exact-port', '--ci', '--quiet'],
  ...['--no-open', '--disable-telemetry', '--no-version-updates'],
]);

await Promise.all([
  answers(`${serverUrl}/sync/capabilities`, 'The server'),
  answers(`${storybookUrl}/index.json`, 'Storybook'),
]);
await answers(`${storybookUrl}/sync/capabilities`, 'The server behind Storybook');
if (!stopping) {
  const address = storybookUrl + STORY;
  console.log(`\n  Two devices, one server:  ${address}`);
  console.log(`  Reference server:         ${serverUrl}/sync  (rows in .data/pglite)`);
  console.log('  Ctrl-C stops both.\n');
  if (values.open) openPage(address);
}

function run(name, args) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, HOLDFAST_SERVER: serverUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
    // a group of its own, so that stopping it stops what it started; Ctrl-C then reaches only this process
    detached: !windows,
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  running.set(name, { child, exited });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') console.log(`[${name}] ${line}`);
    });
  }
  child.once('error', (error) => console.error(`[${name}] could not be started: ${error.message}`));
  child.once('exit', (code, signal) => {
    running.delete(name);
    if (stopping) return;
    console.error(`[${name}] ended by itself (${signal ?? `exit code ${code}`}): stopping everything.`);
    void stop(1);
  });
}

async function stop(code) {
  if (stopping) return;
  stopping = true;
  const left = [...running.values()];
  for (const { child } of left) signalGroup(child, 'SIGTERM');
  const all = Promise.all(left.map(({ exited }) => exited));
  await Promise.race([all, sleep(5000)]);
  for (const { child } of running.values()) signalGroup(child, 'SIGKILL');
  process.exit(code);
}

function signalGroup(child, signal) {
  try {
    if (windows) child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // it has ended already
  }
}

async function answers(url, who) {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end && !stopping; await sleep(200)) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      await response.arrayBuffer();
      if (response.ok) return;
    } catch {
      // not up yet
    }
  }
  if (stopping) return;
  console.error(`${who} did not answer at ${url} within ${PATIENCE_MS / 1000} s.`);
  await stop(1);
}

/** `wanted` if it is free, else any free port. */
async function portNear(wanted) {
  return (await bind(wanted)) ?? (await bind(0));
}

/** Free on every address: Storybook listens on all of them, the server on one. */
function bind(port) {
  return new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(undefined));
    probe.listen(port, () => {
      const { port: bound } = probe.address();
      probe.close(() => resolve(bound));
    });
  });
}

function openPage(address) {
  const [command, ...args] = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[process.platform] ?? [
    'xdg-open',
  ];
  spawn(command, [...args, address], { stdio: 'ignore', detached: true })
    .once('error', () => console.log(`Could not open a browser; open ${address} yourself.`))
    .unref();
}
