import { splitKey } from '../domain/entity.js';
import {
  idempotencyKey,
  readRecord,
  type DeadLetter,
  type MutationRecord,
  type Outcome,
  type Sealed,
  type Token,
} from '../domain/mutation.js';
import type { Leaving } from './departures.js';
import { applyMeta, markSealed, type Ledger } from './ledger.js';
import { QUEUED, type PendingMutation } from './pendingMutation.js';
import type { StorageState } from './ports.js';
import type { Store } from './store.js';

export interface LearnOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** Makes a stored mutation live again. */
  readonly revive: (record: MutationRecord, seq: number, place: number) => PendingMutation;
  /** The same mutation, which another tab has given another record. */
  readonly revise: (former: PendingMutation, record: MutationRecord) => PendingMutation;
  readonly unreadable: (what: string, cause: unknown) => void;
}

/**
 * Brings ledger and view to what the storage holds, as one change: at start-up, and whenever another tab has written.
 * Returns the mutations that left, or were refused, meanwhile.
 */
export function learn(
  state: StorageState,
  { ledger, store, revive, revise, unreadable }: LearnOptions,
): readonly Leaving[] {
  for (const { table, key, cause } of state.unreadable) unreadable(`${table} ${String(key)}`, cause);
  const named = ledger.ids.size;
  applyMeta(ledger, state.meta); // the server's ids first: what is revived speaks of rows by them
  const letters = state.deadLetters.map((letter) => known(letter, ledger.deadLetters.get(letter.token)));
  ledger.deadLetters.clear();
  for (const letter of letters) ledger.deadLetters.set(letter.token, letter);
  const sealed = new Set(
    state.seals.flatMap((s) =>
      s.sealed.flatMap((one) => (one.members ?? [one.token]).map((token) => sealing(token, one))),
    ),
  );
  const stored = new Set<Token>();
  const add: PendingMutation[] = [];
  const replaced: PendingMutation[] = [];
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
      else {
        Object.assign(known, { seq, place: i } satisfies Partial<PendingMutation>);
        if (isOutdated(known, sealed, ledger)) {
          known.split ||= known.phase.kind === 'sealed'; // another tab has split what was merged (CO6)
          if (known.failures !== undefined) known.failures = { ...known.failures, unanswered: 0 };
          known.phase = QUEUED;
        }
        const isNamed = ledger.ids.size > named && known.phase.kind === 'queued';
        if (isSameTry(known.record, record) && !isNamed) ledger.lanes.refresh(known);
        else {
          replaced.push(known);
          add.push(revise(known, record));
        }
      }
    });
  }
  const outcomes = new Map(state.outcomes.map((o) => [o.token, o.outcome]));
  // One that is being stored here may be stored and decided already, by another tab: only the answer was lost.
  const gone = [...ledger.pending.values()].filter(
    (m) => !stored.has(m.token) && (m.phase.kind !== 'saving' || outcomes.has(m.token)),
  );
  // What is still to be stored names rows as they were called before another tab learnt their ids (ID1).
  if (ledger.ids.size > named)
    for (const mutation of ledger.pending.values())
      if (mutation.phase.kind === 'saving' && !gone.includes(mutation)) {
        replaced.push(mutation);
        add.push(revise(mutation, mutation.record));
      }
  ledger.revision = state.revision;
  for (const mutation of [...gone, ...replaced]) ledger.remove(mutation);
  for (const mutation of add) ledger.add(mutation);
  ledger.seals.clear();
  for (const { id, sealed: list } of state.seals) ledger.seals.set(id, list);
  markSealed(ledger, state.seals);
  const held = readHeld(ledger);
  ledger.sort();
  store.change({
    add: add.filter((m) => !m.cancelling), // one that is being taken back is not shown any more
    drop: [...gone, ...replaced],
    rows: state.rows.map(({ key, ...row }) => ({ ...splitKey(key), ...row })),
  });
  return [
    ...gone.map((mutation) => ({
      mutation,
      outcome: outcomes.get(mutation.token) ?? outcomeOf(mutation, ledger),
    })),
    ...held,
  ];
}

/** Another tab may have given it another record: renamed or split (ID1, CO6), or refused and tried again (RT7). */
const isSameTry = (a: MutationRecord, b: MutationRecord): boolean =>
  a.rev === b.rev && (a.history?.length ?? 0) === (b.history?.length ?? 0);

/** That a mutation goes under a key: another tab may have split what it went in, and sealed it by itself since. */
const sealing = (token: Token, sealed: Sealed): string => `${token} as ${idempotencyKey(sealed)}`;

/** The same letter, read again, is what it was: whoever shows it need not look again. */
function known(letter: DeadLetter, former: DeadLetter | undefined): DeadLetter {
  const isSame =
    former?.refusedAt === letter.refusedAt &&
    former.record.rev === letter.record.rev &&
    former.held === letter.held;
  return isSame ? former : letter;
}

/** Whether the storage no longer knows of the state a mutation is in here. */
function isOutdated({ phase, token }: PendingMutation, sealed: ReadonlySet<string>, ledger: Ledger): boolean {
  switch (phase.kind) {
    case 'queued':
      return false;
    case 'saving':
      return true;
    case 'sealed':
      return !sealed.has(sealing(token, phase.sealed));
    case 'refused':
      return ledger.deadLetters.get(token)?.held !== true;
  }
}

/** Those that were refused and are still shown (RT7): told once, to whoever waits for their outcome here. */
function readHeld(ledger: Ledger): readonly Leaving[] {
  const told: Leaving[] = [];
  for (const letter of ledger.deadLetters.values()) {
    const mutation = letter.held === true ? ledger.pending.get(letter.token) : undefined;
    if (mutation === undefined || mutation.phase.kind === 'refused') continue;
    mutation.phase = { kind: 'refused', letter };
    mutation.failures = undefined;
    ledger.lanes.refresh(mutation);
    if (mutation.settlement !== undefined)
      told.push({ mutation, outcome: { kind: 'refused', error: letter.error }, held: letter });
  }
  return told;
}

// The journal is bounded; what it has forgotten, the dead letters may tell.
function outcomeOf(mutation: PendingMutation, ledger: Ledger): Outcome {
  const letter = ledger.deadLetters.get(mutation.token);
  return letter === undefined ? { kind: 'forgotten' } : { kind: 'refused', error: letter.error };
}
