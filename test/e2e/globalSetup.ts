import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import react from '@vitejs/plugin-react';
import { build } from 'vite';

/** Builds the library (for the server process) and the page, once per run. */
export default async function setup(): Promise<void> {
  const tsdown = createRequire(import.meta.url)
    .resolve('tsdown/package.json')
    .replace(/package\.json$/, 'dist/run.mjs');
  execFileSync(process.execPath, [tsdown, '--logLevel', 'error'], { stdio: 'inherit' });
  // vitest sets it to "test", which would give a development build of React.
  const { NODE_ENV } = process.env;
  Object.assign(process.env, { NODE_ENV: 'production' });
  await build({
    root: `${import.meta.dirname}/app`,
    configFile: false,
    logLevel: 'warn',
    mode: 'production',
    plugins: [react()],
    build: { outDir: `${import.meta.dirname}/../../.cache/e2e`, emptyOutDir: true },
  });
  Object.assign(process.env, { NODE_ENV });
}
