import { defineCollection } from '../../src/index.js';

export type AirportStatus = 'open' | 'watch' | 'closed';
export type Severity = 'low' | 'medium' | 'high';

/** A type, not an interface, so that it is also a JSON object. */
export type Airport = {
  readonly id: string;
  readonly iata: string;
  readonly name: string;
  readonly city: string;
  readonly state: string;
  readonly country: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly notes: string;
  readonly status: AirportStatus;
  /** How many findings there are. */
  readonly findings: number;
};

export type Finding = {
  readonly id: string;
  readonly airportId: string;
  readonly text: string;
  readonly severity: Severity;
  readonly author: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
};

export const airports = defineCollection<Airport>({ name: 'airports', key: 'id' });
/** The same, where the user decides what two have changed. */
export const askedAirports = defineCollection<Airport>({ name: airports.name, key: 'id', conflict: 'ask' });
export const findings = defineCollection<Finding>({ name: 'findings', key: 'id' });
