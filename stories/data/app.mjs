// What `scripts/reference-server.mjs --app` needs of the demo.
import { airportRows } from './seed.mjs';

export { commands, validate } from './rules.mjs';

/** Rows to begin with, by collection. */
export const seed = { airports: airportRows };
