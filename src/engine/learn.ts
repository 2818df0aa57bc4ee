import { splitKey } from '../domain/entity.js';
import { readRecord, type MutationRecord, type Outcome, type Token } from '../domain/mutation.js';
import type { Leaving } from './departures.js';
import { applyMeta, sortPending, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { StorageState } from './ports.js';
import type { Store } from './store.js';

export interface LearnOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** Makes a stored mutation live again. */
  readonly revive: (record: MutationRecord, seq: number, place: number) => PendingMutation;
  readonly unreadable: (what: string, cause: unknown) => void;
}

/**
 * Brings ledger and view to what the storage holds, as one change: at start-up, and whenever another tab has written.
 * Returns the mutations that left meanwhile.
 */
export function learn(
  state: StorageState,
  { ledger, store, revive, unreadable }: LearnOptions,
): readonly Leaving[] {
  for (const { table, key, cause } of state.unreadable) unreadable(`${table} ${String(key)}`, cause);
  const stored = new Set<Token>();
  const add: PendingMutation[] = [];
  ledger.log.clear();
  for (const { seq, mutations } of state.log) {
    ledger.log.set(seq, mutations);
    mutations.forEach((raw, i) => {
      const record = readRecord(raw);
      if ('unreadable' in record) {
        unreadable(`log ${seq}[${i}]`, record.unreadable);
        return;
      }
      if (stored.has(record.token)) return; // written again, because nobody knew of the first time
      stored.add(record.token);
      const known = ledger.pending.get(record.token);
      if (known === undefined) add.push(revive(record, seq, i));
      else if (known.phase.kind === 'saving')
        Object.assign(known, { seq, place: i, phase: { kind: 'queued' } } satisfies Partial<PendingMutation>);
    });
  }
  const drop = [...ledger.pending.values()].filter((m) => m.phase.kind !== 'saving' && !stored.has(m.token));
  ledger.revision = state.revision;
  applyMeta(ledger, state.meta);
  ledger.deadLetters.clear();
  for (const letter of state.deadLetters) ledger.deadLetters.set(letter.token, letter);
  for (const { token } of drop) ledger.pending.delete(token);
  for (const mutation of add) ledger.pending.set(mutation.token, mutation);
  readSeals(state, ledger);
  sortPending(ledger);
  store.change({
    add,
    drop,
    rows: state.rows.map(({ key, row, version }) => ({ ...splitKey(key), row, version })),
  });
  const outcomes = new Map(state.outcomes.map((o) => [o.token, o.outcome]));
  return drop.map((mutation) => ({
    mutation,
    outcome: outcomes.get(mutation.token) ?? outcomeOf(mutation, ledger),
  }));
}

function readSeals(state: StorageState, ledger: Ledger): void {
  ledger.seals.clear();
  for (const { id, sealed } of state.seals) {
    ledger.seals.set(id, sealed);
    for (const one of sealed) {
      const mutation = ledger.pending.get(one.token);
      if (mutation?.phase.kind === 'queued' && mutation.record.rev === one.rev)
        mutation.phase = { kind: 'sealed', sealed: one, sealId: id };
    }
  }
}

// The journal is bounded; what it has forgotten, the dead letters tell: whatever left and is not among them was accepted.
function outcomeOf(mutation: PendingMutation, ledger: Ledger): Outcome {
  const letter = ledger.deadLetters.get(mutation.token);
  return letter === undefined
    ? { kind: 'accepted', result: undefined }
    : { kind: 'refused', error: letter.error };
}
