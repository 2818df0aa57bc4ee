import { entityKey } from '../../src/domain/entity.js';
import type { DeadLetter, MutationRecord, Sealed, Token } from '../../src/domain/mutation.js';
import { presentIn, type EmptyPlaces } from '../../src/engine/logRecords.js';
import type {
  MetaRecord,
  StorageReceipt,
  StorageState,
  StorageWrite,
  StoredRow,
} from '../../src/engine/ports.js';

/** What a storage holds, told from the writes that it accepted: of the disk itself, or of what one process was told. */
export interface Shadow {
  readonly rows: Map<string, StoredRow>;
  readonly log: Map<number, readonly MutationRecord[]>;
  readonly seals: Map<string, readonly Sealed[]>;
  readonly deadLetters: Map<Token, DeadLetter>;
  readonly meta: Map<string, unknown>;
  /** How often each mutation that was ever heard of had been refused before. */
  readonly tries: Map<Token, number>;
  /** Counts what was learnt. */
  news: number;
  wrote(write: StorageWrite, receipt: StorageReceipt): void;
  learnt(state: StorageState): void;
  /** Which places of the log's records are empty. */
  empty(): EmptyPlaces;
  /** All logged mutations, in order. */
  mutations(): MutationRecord[];
}

/** What `meta` says of the log's empty places. */
export function emptyIn(meta: readonly MetaRecord[]): EmptyPlaces | undefined {
  return meta.find(({ key }) => key === EMPTY)?.value as EmptyPlaces | undefined;
}

export function present(
  records: readonly MutationRecord[],
  places: Uint8Array | undefined,
): readonly MutationRecord[] {
  return [...presentIn(records, places)].map(([, record]) => record as MutationRecord);
}

const EMPTY = 'empty';

export function createShadow(): Shadow {
  const tried = ({ token, history = [] }: MutationRecord): void =>
    void shadow.tries.set(token, history.length);
  const logged = (seq: number, mutations: readonly MutationRecord[]): void => {
    shadow.log.set(seq, mutations);
    mutations.forEach(tried);
  };
  /** It may have been tried again and refused again since it was heard of last. */
  const buried = (letter: DeadLetter): void => {
    shadow.deadLetters.set(letter.token, letter);
    tried(letter.record);
  };
  const shadow: Shadow = {
    rows: new Map(),
    log: new Map(),
    seals: new Map(),
    deadLetters: new Map(),
    meta: new Map(),
    tries: new Map(),
    news: 0,
    wrote({ append = [], put = {}, remove = {} }, { seqs }) {
      shadow.news++;
      append.forEach((mutations, i) => logged(seqs[i] ?? NaN, mutations));
      for (const { seq, mutations } of put.log ?? []) logged(seq, mutations);
      for (const { id, sealed } of put.seals ?? []) shadow.seals.set(id, sealed);
      for (const row of put.rows ?? []) shadow.rows.set(row.key, row);
      put.deadLetters?.forEach(buried);
      for (const { key, value } of put.meta ?? []) shadow.meta.set(key, value);
      for (const seq of remove.log ?? []) shadow.log.delete(seq);
      for (const id of remove.seals ?? []) shadow.seals.delete(id);
      for (const token of remove.deadLetters ?? []) shadow.deadLetters.delete(token);
    },
    learnt(state) {
      shadow.news++;
      if (!state.partial)
        for (const table of [shadow.log, shadow.seals, shadow.deadLetters, shadow.meta, shadow.rows])
          table.clear();
      for (const seq of state.removed.log) shadow.log.delete(seq);
      for (const id of state.removed.seals) shadow.seals.delete(id);
      for (const token of state.removed.deadLetters) shadow.deadLetters.delete(token);
      for (const { seq, mutations } of state.log) logged(seq, mutations);
      for (const { id, sealed } of state.seals) shadow.seals.set(id, sealed);
      for (const [collection, byId] of state.rows)
        for (const [id, row] of byId) {
          const key = entityKey(collection, id);
          shadow.rows.set(key, { key, ...row });
        }
      state.deadLetters.forEach(buried);
      for (const { key, value } of state.meta) shadow.meta.set(key, value);
    },
    empty: () => (shadow.meta.get(EMPTY) ?? new Map()) as EmptyPlaces,
    mutations: () =>
      [...shadow.log]
        .sort(([a], [b]) => a - b)
        .flatMap(([seq, mutations]) => present(mutations, shadow.empty().get(seq))),
  };
  return shadow;
}

/** Those that were refused and are still shown. */
export function heldIn({ deadLetters }: Shadow): ReadonlySet<Token> {
  return new Set([...deadLetters.values()].filter((letter) => letter.held === true).map((l) => l.token));
}

/** Those that wait for the user: held, or behind one that is, in a lane or by `dependsOn`. */
export function stuckIn(shadow: Shadow): ReadonlySet<Token> {
  const stuck = new Set(heldIn(shadow));
  if (stuck.size === 0) return stuck;
  const lanes = new Set<string>();
  for (const { token, lanes: own, dependsOn } of shadow.mutations()) {
    const waits = own.some((lane) => lanes.has(lane)) || dependsOn.some((parent) => stuck.has(parent));
    if (!waits && !stuck.has(token)) continue;
    stuck.add(token);
    for (const lane of own) lanes.add(lane);
  }
  return stuck;
}
