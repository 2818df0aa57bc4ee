// Builds the server from the sources as they are, into a folder of its own.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function buildServer() {
  const out = join(import.meta.dirname, '../.cache/bench-server');
  const tsdown = createRequire(import.meta.url)
    .resolve('tsdown/package.json')
    .replace(/package\.json$/, 'dist/run.mjs');
  execFileSync(process.execPath, [tsdown, '--out-dir', out, '--logLevel', 'error'], { stdio: 'inherit' });
  return import(pathToFileURL(join(out, 'server.js')));
}
