import type { DeadLetter, MutationRecord, Sealed, Token } from '../../src/domain/mutation.js';
import type { StorageReceipt, StorageState, StorageWrite, StoredRow } from '../../src/engine/ports.js';

/** What a storage holds, told from the writes that it accepted: of the disk itself, or of what one process was told. */
export interface Shadow {
  readonly rows: Map<string, StoredRow>;
  readonly log: Map<number, readonly MutationRecord[]>;
  readonly seals: Map<string, readonly Sealed[]>;
  readonly deadLetters: Map<Token, DeadLetter>;
  readonly meta: Map<string, unknown>;
  /** Counts what was learnt. */
  news: number;
  wrote(write: StorageWrite, receipt: StorageReceipt): void;
  learnt(state: StorageState): void;
  /** All logged mutations, in order. */
  mutations(): MutationRecord[];
}

export function createShadow(): Shadow {
  const shadow: Shadow = {
    rows: new Map(),
    log: new Map(),
    seals: new Map(),
    deadLetters: new Map(),
    meta: new Map(),
    news: 0,
    wrote({ append = [], put = {}, remove = {} }, { seqs }) {
      shadow.news++;
      append.forEach((mutations, i) => shadow.log.set(seqs[i] ?? NaN, mutations));
      for (const { seq, mutations } of put.log ?? []) shadow.log.set(seq, mutations);
      for (const { id, sealed } of put.seals ?? []) shadow.seals.set(id, sealed);
      for (const row of put.rows ?? []) shadow.rows.set(row.key, row);
      for (const letter of put.deadLetters ?? []) shadow.deadLetters.set(letter.token, letter);
      for (const { key, value } of put.meta ?? []) shadow.meta.set(key, value);
      for (const seq of remove.log ?? []) shadow.log.delete(seq);
      for (const id of remove.seals ?? []) shadow.seals.delete(id);
      for (const key of remove.rows ?? []) shadow.rows.delete(key);
      for (const token of remove.deadLetters ?? []) shadow.deadLetters.delete(token);
    },
    learnt(state) {
      shadow.news++;
      shadow.log.clear();
      shadow.seals.clear();
      shadow.deadLetters.clear();
      shadow.meta.clear();
      if (!state.partial) shadow.rows.clear();
      for (const { seq, mutations } of state.log) shadow.log.set(seq, mutations);
      for (const { id, sealed } of state.seals) shadow.seals.set(id, sealed);
      for (const row of state.rows) shadow.rows.set(row.key, row);
      for (const letter of state.deadLetters) shadow.deadLetters.set(letter.token, letter);
      for (const { key, value } of state.meta) shadow.meta.set(key, value);
    },
    mutations: () => [...shadow.log].sort(([a], [b]) => a - b).flatMap(([, mutations]) => mutations),
  };
  return shadow;
}
