// Runs a bundle of test/simulation/main.ts: node scripts/run-simulation.mjs BUNDLE [options]
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [bundle, ...args] = process.argv.slice(2);
const { main } = await import(pathToFileURL(bundle).href);
process.exitCode = await main(args, resolve(import.meta.dirname, '../.cache/simulation/failed'));
