// Simulated histories of the whole client: node scripts/simulate.mjs [--histories 10000] [--seed N] [--plan FILE]
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { bundleSimulation } from './bundle-simulation.mjs';

const bundle = await bundleSimulation();
const { main } = await import(pathToFileURL(bundle).href);
process.exitCode = await main(
  process.argv.slice(2),
  resolve(import.meta.dirname, '../.cache/simulation/failed'),
);
