// Run before the server tests: says which NATS server they use, and installs one where there is none.
import { spawnSync } from 'node:child_process';
import { aptInstall } from './apt-install.mjs';
import { findNats } from './nats.mjs';

const say = (text) => process.stderr.write(`[nats] ${text}\n`);

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
const why = aptInstall('nats-server', { say, optOut: 'HOLDFAST_NATS_INSTALL', isThere: look });
if (why === undefined) process.exit(0);
// Not a failure: NATS is an option of the server, and its tests say that they were skipped.
say(
  `The tests of natsChangeBus are skipped: no nats-server; ${why}. Install nats-server or set NATS_BIN to it.`,
);
