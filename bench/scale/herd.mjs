// Clients that were cut off together come back together, in simulated time: nothing here depends on this machine.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';

const ROOT = resolve(import.meta.dirname, '../..');
const SERVER = { capacity: 500, queue: 100, seed: 1 };
const CASES = [
  { outage: 'network', outageMs: 20_000, spreadMs: 0 },
  { outage: 'network', outageMs: 20_000, spreadMs: 2_000 },
  { outage: 'network', outageMs: 20_000, spreadMs: 10_000 },
  { outage: 'network', outageMs: 60_000, spreadMs: 2_000 },
  { outage: 'server', outageMs: 60_000, spreadMs: 2_000 },
];

/** `[{ outage, outageMs, spreadMs, clients, …figures }]` */
export async function herd({ most }) {
  const { runHerd } = await bundled();
  const all = [];
  for (const one of CASES)
    for (const clients of [1, 10, 100, 500].filter((n) => n <= most)) {
      const figures = await runHerd({ ...SERVER, ...one, clients });
      const right = figures.effects === clients && figures.equal === clients;
      const wrong = right ? undefined : `${figures.effects} effects, ${figures.equal} clients see all`;
      process.stderr.write(`herd: ${JSON.stringify({ ...one, clients, ...figures })}\n`);
      all.push({ ...one, clients, ...figures, ...(wrong && { wrong }) });
    }
  return all;
}

/** Requests a second if all came evenly over the window, each to push and to pull. */
export const fairShare = ({ clients, spreadMs }) => (2 * clients * 1_000) / Math.max(spreadMs, 1_000);

async function bundled() {
  const outDir = resolve(ROOT, '.cache/bench-herd');
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: resolve(ROOT, 'test/simulation/herd.ts'),
      outDir,
      emptyOutDir: true,
      minify: false,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'herd.mjs' } },
    },
  });
  return import(pathToFileURL(resolve(outDir, 'herd.mjs')));
}
