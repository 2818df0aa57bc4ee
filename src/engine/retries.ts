import { applyChange, keyOf } from '../domain/changes.js';
import { editedChanges } from '../domain/builtInVariables.js';
import type { AnyCollection } from '../domain/collection.js';
import { isBuiltIn, type AnyDefinition } from '../domain/definition.js';
import { SyncError } from '../domain/errors.js';
import { renameInChange, type Ids } from '../domain/identity.js';
import type { DeadLetter, Token } from '../domain/mutation.js';
import type { ReadRow } from '../domain/transaction.js';
import { applyInTransaction } from './applyInTransaction.js';
import { below } from './below.js';
import type { Call, Caller, Identity } from './caller.js';
import { causeOf } from './deadLetterView.js';
import type { Departure } from './departures.js';
import { checkDependencies } from './dependents.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import { planDiscard, planRepair, planRequeue } from './repair.js';
import { planResolution, sharedConflict } from './resolutions.js';
import type { Store } from './store.js';

/** What dead letters become when they are tried again (RT7). */
export interface Retries {
  /**
   * One more try of a dead letter, on the present view; undefined when it is none. What it was to do may be so already:
   * then it is forgotten. Throws the mutation's own errors.
   */
  plan(token: Token, edited: unknown): Departure | undefined;
}

export interface RetriesOptions {
  readonly caller: Caller;
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly ids: Ids;
  readonly ledger: Ledger;
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export function createRetries(options: RetriesOptions): Retries {
  const { caller, definitions, collections, ids, ledger, store } = options;

  /** Its value is still shown, and what follows it waits: it goes on where it stands, from what was there before it. */
  function inPlace(letter: DeadLetter, held: PendingMutation, edited: unknown): Departure | undefined {
    const again = begin(letter, edited, below(held, store));
    return again && planRepair(ledger, held, letter, again.record);
  }

  /** Its value was taken back: it goes to the end of the queue, with those that go along. */
  function atTheEnd(letter: DeadLetter, edited: unknown): Departure | undefined {
    const { before, after } = companionsOf(letter, edited);
    const entering: PendingMutation[] = [];
    const read: ReadRow = (of) => {
      const key = keyOf(of);
      let row = store.read(of);
      for (const { effect } of entering)
        for (const change of effect.changes) if (keyOf(change) === key) row = applyChange(row, change);
      return row;
    };
    /** What it names is accepted, pending, or comes back with it. */
    const enter = (mutation: PendingMutation | undefined): void => {
      if (mutation === undefined) return;
      const along = new Set(entering.map(({ token }) => token));
      const dependsOn = mutation.dependsOn.filter((token) => !along.has(token));
      checkDependencies({ ...mutation.record, dependsOn }, ledger);
      entering.push(mutation);
    };
    const follow = (others: readonly DeadLetter[]): void => {
      for (const other of others)
        try {
          enter(begin(other, undefined, read));
        } catch {
          // it stays a dead letter, with its own reasons
        }
    };
    follow(before);
    const own = beginUnlessArrived(letter, edited, read);
    if (own === undefined) return undefined;
    enter(own);
    follow(after);
    return planRequeue(ledger, entering);
  }

  const begin = (letter: DeadLetter, edited: unknown, read: ReadRow): PendingMutation | undefined =>
    caller.begin(callOf(letter, edited), identityOf(letter, edited), undefined, read);

  /** An insert that was given up, and whose row has come with the feed, had arrived (RT6). */
  function beginUnlessArrived(
    letter: DeadLetter,
    edited: unknown,
    read: ReadRow,
  ): PendingMutation | undefined {
    try {
      return begin(letter, edited, read);
    } catch (error) {
      const exists = error instanceof SyncError && error.code === 'ENTITY_EXISTS';
      if (exists && letter.sealed !== undefined && edited === undefined) return undefined;
      throw error;
    }
  }

  /** What was sent as one goes as one again, in its order, and what was refused only because of it follows. */
  function companionsOf(
    letter: DeadLetter,
    edited: unknown,
  ): Readonly<Record<'before' | 'after', readonly DeadLetter[]>> {
    const all = [...ledger.deadLetters.values()].filter((other) => other.held !== true);
    const members = edited === undefined ? (letter.sealed?.members ?? []) : [];
    const mates = members.flatMap((token) => all.find((other) => other.token === token) ?? []);
    const found = new Set([letter, ...mates]);
    for (const one of found)
      for (const other of all) if (causeOf(other.error) === one.token) found.add(other);
    const others = [...found].filter((other) => other !== letter && !mates.includes(other));
    const at = mates.indexOf(letter);
    return {
      before: mates.slice(0, Math.max(at, 0)),
      after: [...mates.slice(at + 1), ...causesFirst(others)],
    };
  }

  function callOf(letter: DeadLetter, edited: unknown): Call {
    const { record } = letter;
    const scope = record.lanes.find((lane) => lane.startsWith('scope:'))?.slice('scope:'.length);
    // The clock counts whole milliseconds, and may have jumped: no less than the server asked for, and hardly more.
    const askedMs = letter.retryAfterMs === undefined ? 0 : letter.retryAfterMs + 1;
    const waitMs = Math.min(letter.refusedAt + askedMs - options.now(), askedMs);
    const asked = {
      ...(waitMs > 0 && { sendAfter: waitMs }),
      priority: record.priority,
      dependsOn: record.dependsOn.filter((token) => token !== letter.token && isOpen(token)),
      ...(scope !== undefined && { scope }),
      ...(record.meta !== undefined && { meta: record.meta }),
    };
    if (isBuiltIn(record.name)) {
      const changes = edited === undefined ? record.changes : editedChanges(record, edited);
      return {
        name: record.name,
        definition: undefined,
        variables: undefined,
        work(tx) {
          for (const change of changes)
            applyInTransaction(tx, renameInChange(change, ids, collections), collections);
        },
        options: asked,
      };
    }
    const { definition, parked, variables } = caller.revive(record, 0, 0, 0);
    if (definition === undefined)
      throw parked ?? new SyncError('HANDLER_MISSING', `"${record.name}" has no definition here.`);
    return {
      name: record.name,
      definition: definitions.get(record.name),
      variables: edited === undefined ? variables : edited,
      work: (tx, checked) => definition.optimistic(tx, checked),
      options: asked,
    };
  }

  /** Still to be decided, or refused itself: what was accepted needs no naming. */
  const isOpen = (token: Token): boolean => ledger.pending.has(token) || ledger.deadLetters.has(token);

  return {
    plan(token, edited) {
      const letter = ledger.deadLetters.get(token);
      if (letter === undefined) return undefined;
      const { conflict } = letter;
      if (conflict !== undefined && conflict.tokens.length > 1) {
        if (edited !== undefined) throw sharedConflict(token);
        return planResolution(options, conflict.id, 'mine', options.now());
      }
      const held = letter.held === true ? ledger.pending.get(token) : undefined;
      const again = held === undefined ? atTheEnd(letter, edited) : inPlace(letter, held, edited);
      return again ?? planDiscard(ledger, token);
    },
  };
}

/** In the order of the calls, as far as the clock tells it, but nothing before what it was refused for. */
function causesFirst(letters: readonly DeadLetter[]): readonly DeadLetter[] {
  const left = [...letters].sort(
    (a, b) => a.record.createdAt - b.record.createdAt || (a.token < b.token ? -1 : 1),
  );
  const ordered: DeadLetter[] = [];
  while (left.length > 0) {
    const open = new Set(left.map((letter) => letter.token));
    const next = left.findIndex((letter) => !open.has(causeOf(letter.error) ?? ''));
    ordered.push(...left.splice(Math.max(next, 0), 1));
  }
  return ordered;
}

/** Refused content gets another key; what may have arrived keeps its own, so that it cannot happen twice (RT6). */
function identityOf({ token, record, error, refusedAt, sealed }: DeadLetter, edited: unknown): Identity {
  const goesAsItWent = sealed !== undefined && edited === undefined;
  return {
    token,
    rev: goesAsItWent ? record.rev : record.rev + 1,
    history: [...(record.history ?? []), { error, refusedAt }],
  };
}
