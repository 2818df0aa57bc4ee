import { readFileSync } from 'node:fs';
import { parseAirports } from './parseAirports.mjs';

/** What the demo server begins with: `[{ id, data }]` for the collection `airports`. */
export function airportRows() {
  return parseAirports(readFileSync(new URL('airports.csv', import.meta.url), 'utf8'));
}
