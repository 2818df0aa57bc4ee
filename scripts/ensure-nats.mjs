// Run before the server tests: says which NATS server they use, and installs one where there is none.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findNats } from './nats.mjs';

const say = (text) => process.stderr.write(`[nats] ${text}\n`);
const root = process.getuid?.() === 0;

function look() {
  const found = findNats();
  if (!found) return false;
  const v = spawnSync(found, ['--version'], { encoding: 'utf8', timeout: 30_000 });
  if (v.status !== 0) {
    say(`${found} does not work: ${(v.error?.message ?? v.stderr).trim().split('\n').at(-1)}`);
    return false;
  }
  say(`${v.stdout.trim()} at ${found}`);
  return true;
}

if (look()) process.exit(0);
let why = 'apt-get was not tried: not root';
if (process.env.HOLDFAST_NATS_INSTALL === '0') why = 'nothing was installed: HOLDFAST_NATS_INSTALL=0';
else if (!existsSync('/usr/bin/apt-get')) why = 'there is no apt-get to install it with';
else if (root) {
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], {
      stdio: ['ignore', 2, 2],
      timeout: 300_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  say('apt-get install -y --no-install-recommends nats-server');
  apt('update');
  apt('install', '-y', '--no-install-recommends', 'nats-server');
  if (look()) process.exit(0);
  why = '`apt-get install nats-server` did not give one';
}
// Not a failure: NATS is an option of the server, and its tests say that they were skipped.
say(
  `The tests of natsChangeBus are skipped: no nats-server; ${why}. Install nats-server or set NATS_BIN to it.`,
);
