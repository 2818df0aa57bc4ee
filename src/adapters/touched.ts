import type { EntityKey } from '../domain/entity.js';
import type { StorageState, StorageWrite } from '../engine/ports.js';

/** What one write put or removed, by key: what a load since then has to read. */
export interface Touched {
  readonly log: readonly number[];
  readonly seals: readonly string[];
  readonly rows: readonly EntityKey[];
  readonly deadLetters: readonly string[];
  readonly meta: readonly string[];
}

/** @param seqs the sequences that its `append` was given */
export function touchedBy({ put = {}, remove = {} }: StorageWrite, seqs: readonly number[]): Touched {
  return {
    log: [...seqs, ...(put.log ?? []).map(({ seq }) => seq), ...(remove.log ?? [])],
    seals: [...(put.seals ?? []).map(({ id }) => id), ...(remove.seals ?? [])],
    rows: (put.rows ?? []).map(({ key }) => key),
    deadLetters: [...(put.deadLetters ?? []).map(({ token }) => token), ...(remove.deadLetters ?? [])],
    meta: (put.meta ?? []).map(({ key }) => key),
  };
}

/** What any of several writes touched, each key once. */
export function touchedByAll(writes: readonly Touched[]): Touched {
  const all = <K>(keysOf: (one: Touched) => readonly K[]): K[] => [...new Set(writes.flatMap(keysOf))];
  return {
    log: all((one) => one.log).sort((a, b) => a - b),
    seals: all((one) => one.seals),
    rows: all((one) => one.rows),
    deadLetters: all((one) => one.deadLetters),
    meta: all((one) => one.meta),
  };
}

export const NOTHING_REMOVED: StorageState['removed'] = { log: [], seals: [], deadLetters: [] };
