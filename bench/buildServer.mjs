// Builds the server from the sources as they are, into a folder of its own.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const OUT = join(import.meta.dirname, '../.cache/bench-server');

export async function buildServer() {
  const tsdown = createRequire(import.meta.url)
    .resolve('tsdown/package.json')
    .replace(/package\.json$/, 'dist/run.mjs');
  execFileSync(process.execPath, [tsdown, '--out-dir', OUT, '--logLevel', 'error'], { stdio: 'inherit' });
  return builtServer();
}

/** What another process has built. */
export const builtServer = () => import(pathToFileURL(join(OUT, 'server.js')));
