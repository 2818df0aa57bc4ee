import {
  idempotencyKey,
  type DeadLetter,
  type MutationRecord,
  type Sealed,
  type Token,
} from '../domain/mutation.js';
import { planLeave, type Departure } from './departures.js';
import { rewriting, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { SealRecord, StorageWrite } from './ports.js';

// What the outbox does with dead letters (RT7): each is one transaction.

interface Requeue {
  readonly mutations: readonly PendingMutation[];
  /** What was given up without an answer goes again under the key it went with (RT6). */
  readonly seals: ReadonlyMap<PendingMutation, Sealed>;
  readonly write: StorageWrite;
}

/** Lets dead letters in again, at the end of the queue, as `mutations`; undefined when one of them is no dead letter any more. */
export function planRequeue(ledger: Ledger, mutations: readonly PendingMutation[]): Requeue | undefined {
  const letters = mutations.map((m) => ledger.deadLetters.get(m.token));
  const isSame = mutations.every(({ record }, i) => isOf(letters[i], record));
  if (!isSame || letters.some((letter) => letter?.held === true)) return undefined;
  const seals = new Map<PendingMutation, Sealed>();
  mutations.forEach((mutation, i) => {
    const sealed = letters[i]?.sealed;
    if (sealed !== undefined && mutation.record.rev === letters[i]?.record.rev) seals.set(mutation, sealed);
  });
  const back = (id: string): ReadonlySet<Token> =>
    new Set([...seals].flatMap(([m, sealed]) => (idempotencyKey(sealed) === id ? m.token : [])));
  const distinct = new Map([...seals.values()].map((sealed) => [idempotencyKey(sealed), sealed]));
  return {
    mutations,
    seals,
    write: {
      append: [mutations.map((m) => m.record)],
      put: { seals: [...distinct].map(([id, sealed]) => sealAgain(ledger, sealed, back(id))) },
      remove: { deadLetters: mutations.map((m) => m.token) },
    },
  };
}

/**
 * What was given up goes again under its key, for those that are let in again and those that were before: another
 * member may have other content by now. The record of that id may hold seals of others still.
 */
function sealAgain(ledger: Ledger, sealed: Sealed, back: ReadonlySet<Token>): SealRecord {
  const id = idempotencyKey(sealed);
  const stored = ledger.seals.get(id) ?? [];
  const former = stored.find((one) => idempotencyKey(one) === id);
  const members = sealed.members?.filter((token) => back.has(token) || former?.members?.includes(token));
  return {
    id,
    sealed: [
      ...stored.filter((one) => one !== former),
      { ...sealed, ...(members !== undefined && { members }) },
    ],
  };
}

/** Another tab may have tried it meanwhile, and had it refused: that is another letter, and its key is used up. */
function isOf(letter: DeadLetter | undefined, { history = [] }: MutationRecord): boolean {
  return letter !== undefined && history.length === (letter.record.history?.length ?? 0) + 1;
}

/** Lets a refused mutation that is still shown go on, where it stands, as `record`. */
export function planRepair(ledger: Ledger, token: Token, record: MutationRecord): Departure | undefined {
  const letter = ledger.deadLetters.get(token);
  const mutation = ledger.pending.get(token);
  if (mutation === undefined || letter?.held !== true || !isOf(letter, record)) return undefined;
  const rebased = new Map([[mutation, record]]);
  const { put, remove } = rewriting(ledger, [], [], rebased);
  const sealed = letter.sealed !== undefined && record.rev === letter.record.rev ? letter.sealed : undefined;
  const seals = sealed === undefined ? [] : [sealAgain(ledger, sealed, new Set([token]))];
  return {
    leaving: [],
    split: [],
    rebased,
    rows: [],
    write: { put: { ...put, seals }, remove: { ...remove, deadLetters: [token] } },
  };
}

/** Forgets a dead letter, and takes its value back where that is still shown. */
export function planDiscard(ledger: Ledger, token: Token): Departure | undefined {
  const letter = ledger.deadLetters.get(token);
  if (letter === undefined) return undefined;
  const held = letter.held === true ? ledger.pending.get(token) : undefined;
  const members = held === undefined ? [] : [held];
  return planLeave(ledger, members, { kind: 'cancelled' }, { remove: { deadLetters: [token] } });
}
