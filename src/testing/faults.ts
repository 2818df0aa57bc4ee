import { describe, SyncError } from '../domain/errors.js';
import type { Random } from '../engine/ports.js';

/** What the network does to requests. */
export interface Faults {
  /** Round trip in milliseconds, or its bounds. @default 0 */
  readonly latencyMs: number | readonly [min: number, max: number];
  /** Share of requests that never reach the server, 0 to 1. @default 0 */
  readonly loss: number;
  /** Share of requests that take effect, but whose answer is lost, 0 to 1. @default 0 */
  readonly lossAfter: number;
  /** Share of requests that the server gets twice, 0 to 1. @default 0 */
  readonly duplicate: number;
  /** Everything fails at once, before the server. @default false */
  readonly offline: boolean;
}

export const NO_FAULTS: Faults = { latencyMs: 0, loss: 0, lossAfter: 0, duplicate: 0, offline: false };

/** What one request will meet. Times in milliseconds. */
export interface Fate {
  readonly up: number;
  readonly down: number;
  readonly lost: boolean;
  readonly answerLost: boolean;
  /** How long after the first copy the second one arrives. */
  readonly duplicateAfter: number | undefined;
}

/** Always takes six numbers, so that changing one fault does not reshuffle the others. */
export function drawFate({ latencyMs, loss, lossAfter, duplicate }: Faults, random: Random): Fate {
  const [least, most] = typeof latencyMs === 'number' ? [latencyMs, latencyMs] : latencyMs;
  const trip = (): number => (least + random() * (most - least)) / 2;
  const [up, down, again] = [trip(), trip(), trip()];
  const [lost, answerLost, twice] = [random() < loss, random() < lossAfter, random() < duplicate];
  return { up, down, lost, answerLost, duplicateAfter: twice ? again : undefined };
}

export function checkFaults(faults: Faults): Faults {
  for (const name of ['loss', 'lossAfter', 'duplicate'] as const)
    if (!(faults[name] >= 0 && faults[name] <= 1)) throw invalid(name, 'a share from 0 to 1', faults[name]);
  const [least, most] = [faults.latencyMs].flat();
  if (!(least !== undefined && least >= 0 && (most ?? least) >= least))
    throw invalid('latencyMs', 'a number of milliseconds, or [min, max]', faults.latencyMs);
  return faults;
}

function invalid(name: string, must: string, value: unknown): SyncError {
  return new SyncError(
    'INVALID_OPTIONS',
    `createFaultyTransport: ${name} is ${must}; received ${describe(value)}.`,
  );
}
