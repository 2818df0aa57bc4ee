// Installs the packages of package-lock.json where they are missing or of another lock file.
// The scripts that call this have no dependencies, so they can run on a bare clone.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const LOCK = join(ROOT, 'package-lock.json');
const INSTALLED = join(ROOT, 'node_modules', '.package-lock.json'); // npm writes it last
const STAMP = join(ROOT, 'node_modules', '.holdfast-lock');

export function ensurePackages() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Holdfast needs Node 20.19 or newer; this is ${process.version}.`);
    process.exit(1);
  }
  const hash = createHash('sha256').update(readFileSync(LOCK)).digest('hex');
  if (isFresh(hash)) return;
  console.error('[packages] npm ci');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const { status, error } = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], { cwd: ROOT, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (status !== 0) {
    console.error(`[packages] npm ci failed${error ? `: ${error.message}` : ''}. Is the registry reachable?`);
    process.exit(1);
  }
  writeFileSync(STAMP, hash);
}

function isFresh(hash) {
  if (!existsSync(INSTALLED)) return false;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return true;
  // installed by hand, after the lock file last changed
  return statSync(INSTALLED).mtimeMs >= statSync(LOCK).mtimeMs;
}

/** The file behind a command of an installed package: run by node itself, so that stopping it stops it. */
export function binOf(name, command = name) {
  const folder = join(ROOT, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[command]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensurePackages();
