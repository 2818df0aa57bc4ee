import type { Airport } from '../inspection/model.js';

export interface AirportSeed {
  readonly id: string;
  readonly data: Airport;
}

export function parseCsv(text: string): string[][];
export function parseAirports(text: string): AirportSeed[];
