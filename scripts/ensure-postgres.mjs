// Run before the server tests: says which PostgreSQL they use, and installs one where there is none.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { aptInstall } from './apt-install.mjs';
import { findPgBin } from './pg.mjs';

const say = (text) => process.stderr.write(`[postgres] ${text}\n`);
const root = process.getuid?.() === 0;

function look() {
  const bin = findPgBin();
  if (!bin) return false;
  const v = spawnSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8', timeout: 30_000 });
  if (v.status !== 0) {
    say(`${bin} does not work: ${(v.error?.message ?? v.stderr).trim().split('\n').at(-1)}`);
    return false;
  }
  // PostgreSQL refuses to run as root, so as root the tests run it as this user
  if (root && spawnSync('id', ['-u', 'postgres']).status !== 0) {
    say(
      `${v.stdout.trim()} is in ${bin}, but there is no "postgres" user to run it as: useradd --system postgres, or run the tests as an ordinary user.`,
    );
    process.exit(1);
  }
  say(`${v.stdout.trim()} in ${bin}`);
  return true;
}

if (look()) process.exit(0);
const why = aptInstall('postgresql', { say, optOut: 'HOLDFAST_POSTGRES_INSTALL', isThere: look });
if (why === undefined) process.exit(0);
say(
  `The server tests need the PostgreSQL server programs (initdb, postgres) and found none; ${why}. Install postgresql or set PG_BIN to the folder with initdb.`,
);
process.exit(1);
