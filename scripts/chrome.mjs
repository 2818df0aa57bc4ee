// Finds a Chromium for the browser tests. Used by vitest.config.ts, the E2E tests and ensure-chrome.mjs.
// Order: CHROME_PATH, then a system browser, then the one Playwright manages.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const FIXED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

function runnable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export function findChrome(env = process.env) {
  if (env.CHROME_PATH) {
    if (!runnable(env.CHROME_PATH))
      throw new Error(`CHROME_PATH is "${env.CHROME_PATH}", which is not an executable file`);
    return { path: env.CHROME_PATH, from: 'CHROME_PATH' };
  }
  for (const dir of (env.PATH ?? '').split(delimiter).filter(Boolean))
    for (const name of NAMES) if (runnable(join(dir, name))) return { path: join(dir, name), from: 'PATH' };
  for (const path of FIXED) if (runnable(path)) return { path, from: 'system' };
  const managed = chromium.executablePath();
  if (managed && existsSync(managed)) return { path: managed, from: 'playwright' };
  return undefined;
}

export const CHROME_ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** No sandbox as root, and where HOLDFAST_NO_SANDBOX=1 (containers without user namespaces). */
export function noSandbox(env = process.env) {
  return env.HOLDFAST_NO_SANDBOX === '1' || process.getuid?.() === 0;
}

/** Launch options for Playwright. Always the full browser: the headless shell has no Background Sync. */
export function chromeLaunchOptions(env = process.env) {
  const found = findChrome(env);
  return {
    ...(found ? { executablePath: found.path } : {}),
    headless: true,
    chromiumSandbox: !noSandbox(env),
    args: [...CHROME_ARGS],
  };
}
