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
import type { SealRecord } from './ports.js';

// What the outbox does with dead letters (RT7): each is one transaction.

/** Lets dead letters in again, at the end of the queue, as `entering`; what was given up unanswered goes under its own key (RT6). */
export function planRequeue(ledger: Ledger, entering: readonly PendingMutation[]): Departure {
  const seals = entering.flatMap(({ token, record }): (readonly [Token, Sealed])[] => {
    const letter = ledger.deadLetters.get(token);
    return letter?.sealed !== undefined && letter.record.rev === record.rev ? [[token, letter.sealed]] : [];
  });
  const distinct = new Map(seals.map(([, sealed]) => [idempotencyKey(sealed), sealed]));
  const back = (key: string): ReadonlySet<Token> =>
    new Set(seals.flatMap(([token, sealed]) => (idempotencyKey(sealed) === key ? token : [])));
  return {
    entering,
    leaving: [],
    rebased: new Map(),
    rows: [],
    write: {
      append: [entering.map((m) => m.record)],
      put: { seals: [...distinct].map(([key, sealed]) => sealAgain(ledger, sealed, back(key))) },
      remove: { deadLetters: entering.map((m) => m.token) },
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

/** Lets a refused mutation that is still shown go on, where it stands, as `record`. */
export function planRepair(
  ledger: Ledger,
  held: PendingMutation,
  letter: DeadLetter,
  record: MutationRecord,
): Departure {
  const rebased = new Map([[held, record]]);
  const { put, remove } = rewriting(ledger, [], [], rebased);
  const sealed = letter.sealed !== undefined && record.rev === letter.record.rev ? letter.sealed : undefined;
  const seals = sealed === undefined ? [] : [sealAgain(ledger, sealed, new Set([letter.token]))];
  return {
    leaving: [],
    rebased,
    rows: [],
    write: { put: { ...put, seals }, remove: { ...remove, deadLetters: [letter.token] } },
  };
}

/** Forgets a dead letter, with all of one conflict, and takes its value back where that is still shown. */
export function planDiscard(ledger: Ledger, token: Token): Departure | undefined {
  const letter = ledger.deadLetters.get(token);
  if (letter === undefined) return undefined;
  const tokens = letter.conflict?.tokens ?? [token];
  const members = letter.held === true ? tokens.flatMap((one) => ledger.pending.get(one) ?? []) : [];
  return planLeave(ledger, members, { kind: 'cancelled' }, { remove: { deadLetters: tokens } });
}
