// Run before the browser tests: says which browser they use, and installs one where there is none.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { aptInstall } from './apt-install.mjs';
import { findChrome, noSandbox } from './chrome.mjs';

const say = (text) => process.stderr.write(`[chrome] ${text}\n`);
const run = (cmd, args, opt = {}) => {
  say(`${cmd} ${args.join(' ')}`);
  const r = spawnSync(cmd, args, { stdio: ['ignore', 2, 2], timeout: 300_000, ...opt });
  return r.status === 0;
};
const root = process.getuid?.() === 0;
const tried = [];

function look() {
  const found = findChrome();
  if (!found) return false;
  const v = spawnSync(found.path, [...(noSandbox() ? ['--no-sandbox'] : []), '--headless', '--version'], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (v.status !== 0) {
    tried.push(
      `${found.path} (${found.from}) does not start: ${(v.error?.message ?? v.stderr).trim().split('\n').at(-1)}`,
    );
    return false;
  }
  say(`${v.stdout.trim()} at ${found.path} (${found.from})`);
  return true;
}

try {
  if (look()) process.exit(0);
} catch (e) {
  say(e.message);
  process.exit(1);
}
if (process.env.HOLDFAST_CHROME_INSTALL !== '0') {
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright/package.json')), 'cli.js');
  if (run(process.execPath, [cli, 'install', '--no-shell', 'chromium'])) {
    if (look()) process.exit(0);
    if (root && run(process.execPath, [cli, 'install-deps', 'chromium']) && look()) process.exit(0);
  } else tried.push('`playwright install chromium` did not give a browser (is its download host reachable?)');
  const why = aptInstall('chromium', { say, optOut: 'HOLDFAST_CHROME_INSTALL', isThere: look });
  if (why === undefined) process.exit(0);
  tried.push(why);
} else tried.push('nothing was installed: HOLDFAST_CHROME_INSTALL=0');
say('The browser tests need Chromium or Chrome and found none:');
for (const t of tried) say(`  - ${t}`);
say(
  'Set CHROME_PATH to a browser, or install one: `sudo apt-get install chromium`, or `npx playwright install --with-deps chromium`.',
);
say(
  'To run only the tests that need no browser: npm test -- --project unit --project react --project server',
);
process.exit(1);
