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
import { isEmptyPlace, presentIn, type EmptyPlaces } from './logRecords.js';
import { QUEUED, type PendingMutation } from './pendingMutation.js';
import type { Clock, StorageState } from './ports.js';
import type { Store } from './store.js';

export interface LearnOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** Makes a stored mutation live again. */
  readonly revive: (record: MutationRecord, seq: number, place: number, since: number) => PendingMutation;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** The same mutation, which another tab has given another record. */
  readonly revise: (former: PendingMutation, record: MutationRecord) => PendingMutation;
  readonly unreadable: (what: string, cause: unknown) => void;
}

/**
 * Brings ledger and view to what the storage holds, as one change: at start-up, and whenever another tab has written.
 * Costs what was written meanwhile. Returns the mutations that left, or were refused.
 */
export function learn(
  state: StorageState,
  { ledger, store, clock, revive, revise, unreadable }: LearnOptions,
): readonly Leaving[] {
  const namedBefore = ledger.ids.size;
  const emptyBefore = ledger.empty;
  if (!state.partial) ledger.empty = new Map();
  applyMeta(ledger, state.meta); // the server's ids first: what is revived speaks of rows by them
  const { missing, affected } = mirror(state, ledger, emptyBefore);
  const sealed = new Set(
    [...ledger.seals.values()].flatMap((list) =>
      list.flatMap((one) => membersOf(one).map((token) => sealing(token, one))),
    ),
  );
  const add: PendingMutation[] = [];
  const replaced = new Set<PendingMutation>();
  const become = (known: PendingMutation, record: MutationRecord): void => {
    replaced.add(known);
    add.push(revise(known, record));
  };
  const renew = (known: PendingMutation): void => {
    if (!isOutdated(known, sealed, ledger)) return;
    if (known.failures !== undefined) known.failures = { ...known.failures, unanswered: 0 };
    known.phase = QUEUED;
  };

  const stored = new Set<Token>();
  const now = clock.monotonic(); // asked ten thousand times, it would be a tenth of a start
  const meet = (raw: unknown, seq: number, place: number): void => {
    const record = readRecord(raw);
    if (!('token' in record)) {
      unreadable(`log ${seq}[${place}]`, record.unreadable);
      return;
    }
    const { token } = record;
    const known = ledger.pending.get(token);
    const before = stored.size;
    const isAgain = stored.add(token).size === before;
    // Written again, because nobody knew of the first time: the first one counts, as long as it is there.
    if (isAgain || (known !== undefined && isElsewhere(known, seq, ledger))) {
      ledger.copies.set(token, new Set([...(ledger.copies.get(token) ?? []), seq]));
      return;
    }
    if (known === undefined) {
      add.push(revive(record, seq, place, now));
      return;
    }
    Object.assign(known, { seq, place } satisfies Partial<PendingMutation>);
    affected.delete(token);
    renew(known);
    if (isSameTry(known.record, record)) ledger.lanes.refresh(known);
    else become(known, record);
  };
  for (const { seq, mutations } of state.log) {
    const empty = ledger.empty.get(seq);
    for (let place = 0; place < mutations.length; place++)
      if (!isEmptyPlace(empty, place)) meet(mutations[place], seq, place);
  }
  for (const token of affected) {
    const known = ledger.pending.get(token);
    if (known === undefined || missing.has(token)) continue;
    renew(known);
    ledger.lanes.refresh(known);
  }

  const outcomes = new Map(
    state.outcomes.flatMap(({ tokens, outcome }) => tokens.map((token) => [token, outcome] as const)),
  );
  const gone = new Set<PendingMutation>();
  for (const token of [...missing, ...outcomes.keys()]) {
    const known = stored.has(token) ? undefined : ledger.pending.get(token);
    // One that is being stored here may be stored and decided already, by another tab: only the answer was lost.
    if (known !== undefined && (missing.has(token) || known.phase.kind === 'saving')) gone.add(known);
  }
  // What names rows as they were called before another tab learnt their ids, and may still change (ID1).
  if (ledger.ids.size > namedBefore)
    for (const known of ledger.pending.values())
      if (
        (known.phase.kind === 'saving' || known.phase.kind === 'queued') &&
        !gone.has(known) &&
        !replaced.has(known)
      )
        become(known, known.record);

  ledger.revision = state.revision;
  for (const mutation of [...gone, ...replaced]) ledger.remove(mutation);
  for (const mutation of add) ledger.add(mutation);
  markSealed(
    ledger,
    [...ledger.seals].map(([id, list]) => ({ id, sealed: list })),
  );
  const held = readHeld(ledger);
  if (state.log.length > 0 || add.length > 0) ledger.sort();
  store.change({
    add: add.filter((m) => !m.cancelling), // one that is being taken back is not shown any more
    drop: [...gone, ...replaced],
    read: state.rows,
  });
  return [
    ...[...gone].map((mutation) => ({
      mutation,
      outcome: outcomes.get(mutation.token) ?? outcomeOf(mutation, ledger),
    })),
    ...held,
  ];
}

interface News {
  /** Tokens that were in the former ones, or have left a record that is as it was. */
  readonly missing: ReadonlySet<Token>;
  /** Tokens whose seal or dead letter is not as it was. */
  readonly affected: Set<Token>;
}

/** Makes the ledger's tables what they are on disk. What is not in a whole state is gone, too. */
function mirror(state: StorageState, ledger: Ledger, emptyBefore: EmptyPlaces): News {
  const { log, seals, deadLetters } = ledger;
  const missing = new Set<Token>();
  const affected = new Set<Token>();
  /** All of a record, or what is at the `places` that have become empty. */
  const took = (seq: number, places?: Uint8Array): void => {
    for (const [place, raw] of presentIn(log.get(seq), emptyBefore.get(seq)))
      if (raw?.token !== undefined && (places === undefined || isEmptyPlace(places, place)))
        missing.add(raw.token);
    if (places === undefined) log.delete(seq);
  };
  const opened = (id: string): void => {
    for (const one of seals.get(id) ?? []) for (const token of membersOf(one)) affected.add(token);
    seals.delete(id);
  };
  const letters = state.deadLetters.map((letter) => known(letter, deadLetters.get(letter.token)));
  if (!state.partial) ledger.copies.clear();
  const removed = state.partial
    ? state.removed
    : { log: [...log.keys()], seals: [...seals.keys()], deadLetters: [...deadLetters.keys()] };
  for (const seq of removed.log) took(seq);
  for (const { seq, mutations } of state.log) {
    took(seq);
    log.set(seq, mutations);
  }
  const read = new Set(state.log.map(({ seq }) => seq));
  for (const [seq, places] of ledger.empty) if (!read.has(seq)) took(seq, places);
  for (const id of removed.seals) opened(id);
  for (const { id, sealed } of state.seals) {
    opened(id);
    seals.set(id, sealed);
  }
  for (const token of removed.deadLetters) {
    affected.add(token);
    deadLetters.delete(token);
  }
  for (const letter of letters) {
    affected.add(letter.token);
    deadLetters.set(letter.token, letter);
  }
  return { missing, affected };
}

const membersOf = (sealed: Sealed): readonly Token[] => sealed.members ?? [sealed.token];

/** Whether an earlier record than `seq`, which is as it was, has it. */
const isElsewhere = (known: PendingMutation, seq: number, { log, empty }: Ledger): boolean =>
  known.seq < seq &&
  [...presentIn(log.get(known.seq), empty.get(known.seq))].some(([, raw]) => raw?.token === known.token);

/** Another tab may have given it another record: renamed or split (ID1, CO6), or refused and tried again (RT7). */
const isSameTry = (a: MutationRecord, b: MutationRecord): boolean =>
  a.rev === b.rev && a.split === b.split && (a.history?.length ?? 0) === (b.history?.length ?? 0);

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
