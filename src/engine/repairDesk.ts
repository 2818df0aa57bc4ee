import { editedChanges } from '../domain/builtInVariables.js';
import type { AnyCollection } from '../domain/collection.js';
import { isBuiltIn, type AnyDefinition } from '../domain/definition.js';
import { describe, SyncError } from '../domain/errors.js';
import { renameInChange, type Ids } from '../domain/identity.js';
import type { DeadLetter, Token } from '../domain/mutation.js';
import { applyInTransaction } from './applyInTransaction.js';
import { below } from './below.js';
import type { Call, Caller, Identity } from './caller.js';
import { causeOf } from './deadLetterView.js';
import { checkDependencies } from './dependents.js';
import type { Ledger } from './ledger.js';
import type { Outbox } from './outbox.js';
import type { PendingMutation } from './pendingMutation.js';
import { createSettlement, type MutationHandle, type Settlement } from './settlement.js';
import type { Store } from './store.js';

/** What the user does about dead letters (RT7). */
export interface RepairDesk {
  /**
   * Tries a dead letter again, under the same token: shown at once, then durable. With it come those that were refused
   * only because of it. Throws the mutation's own errors, and leaves it a dead letter.
   */
  readonly retry: (token: Token, editedVariables?: unknown) => MutationHandle;
  readonly discard: (token: Token) => Promise<void>;
}

export interface RepairDeskOptions {
  readonly caller: Caller;
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly ids: Ids;
  readonly ledger: Ledger;
  readonly store: Store;
  readonly outbox: Outbox;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly alive: () => void;
  readonly changed: (mutations: readonly PendingMutation[]) => void;
}

export function createRepairDesk(options: RepairDeskOptions): RepairDesk {
  const { caller, definitions, collections, ids, ledger, store, outbox } = options;

  /** Those of which it is being stored that they are repaired or forgotten. */
  const busy = new Set<Token>();

  function retry(token: Token, edited?: unknown): MutationHandle {
    options.alive();
    const letter = ledger.deadLetters.get(token);
    const isUnderWay = ledger.pending.get(token)?.undecided === true || busy.has(token);
    if (letter === undefined || isUnderWay)
      throw new SyncError('UNKNOWN_TOKEN', `${describe(token)} is not the token of a dead letter.`);
    const settlement = createSettlement(token);
    void (letter.held === true ? repair(letter, edited, settlement) : requeue(letter, edited, settlement));
    return settlement.handle;
  }

  /** Its value was taken back: it goes to the end of the queue. */
  function requeue(letter: DeadLetter, edited: unknown, settlement: Settlement): Promise<void> {
    const { before, after } = companionsOf(letter, edited);
    const mutations: PendingMutation[] = [];
    const follow = (others: readonly DeadLetter[]): void => {
      for (const other of others) {
        const mutation = beginOrLeave(other);
        if (mutation !== undefined) mutations.push(show(mutation));
      }
    };
    try {
      follow(before);
      const mutation = caller.begin(callOf(letter, edited), identityOf(letter, edited), settlement);
      if (mutation === undefined) {
        hide(mutations);
        return alreadySo(letter, settlement);
      }
      checkDependencies(mutation, ledger);
      mutations.push(show(mutation));
    } catch (error) {
      hide(mutations);
      if (arrived(letter, edited, error)) return alreadySo(letter, settlement);
      throw error;
    }
    follow(after);
    return keep(mutations, settlement, () => outbox.requeue(mutations));
  }

  /** Its value is still shown, and what follows it waits: it goes on where it stands. */
  function repair(letter: DeadLetter, edited: unknown, settlement: Settlement): Promise<void> {
    const held = ledger.pending.get(letter.token);
    if (held === undefined) return Promise.resolve();
    // It starts from what was there before it.
    const base = below(held, store);
    const mutation = caller.begin(callOf(letter, edited), identityOf(letter, edited), settlement, base);
    if (mutation === undefined) return alreadySo(letter, settlement);
    const { record } = mutation;
    const repaired = caller.revise(held, record);
    repaired.phase = held.phase;
    repaired.settlement = settlement;
    replace(held, repaired);
    busy.add(letter.token);
    return keep(
      [],
      settlement,
      () => outbox.repair(letter.token, record),
      () => {
        // Unless another tab has repaired it alike, and stored that.
        const isOpen = repaired.phase.kind === 'refused' && ledger.pending.get(letter.token) === repaired;
        if (isOpen) replace(repaired, held);
      },
    ).finally(() => busy.delete(letter.token));
  }

  /** Shows a mutation in the place of another one (ST1). */
  function replace(former: PendingMutation, next: PendingMutation): void {
    ledger.remove(former);
    ledger.add(next);
    ledger.sort();
    store.change({ drop: [former], add: [next] });
    options.changed([next]);
  }

  function show(mutation: PendingMutation): PendingMutation {
    ledger.add(mutation);
    store.apply(mutation);
    options.changed([mutation]);
    return mutation;
  }

  /** Those that another tab was faster to try again are the storage's now, and stay. */
  function hide(mutations: readonly PendingMutation[]): void {
    const own = mutations
      .flatMap(({ token }) => ledger.pending.get(token) ?? [])
      .filter((m) => m.phase.kind === 'saving');
    for (const mutation of own) ledger.remove(mutation);
    store.change({ drop: own });
    options.changed(mutations);
  }

  async function keep(
    mutations: readonly PendingMutation[],
    settlement: Settlement,
    store_: () => Promise<boolean>,
    alsoTakeBack: () => void = () => undefined,
  ): Promise<void> {
    const takeBack = (error: SyncError): void => {
      hide(mutations);
      alsoTakeBack();
      settlement.rejected(error);
    };
    try {
      if (await store_()) return;
      takeBack(new SyncError('UNKNOWN_TOKEN', 'The dead letter was retried or discarded in another tab.'));
      await outbox.catchUp();
    } catch (cause) {
      takeBack(
        new SyncError('STORAGE', 'The retry could not be stored; it is a dead letter still.', { cause }),
      );
    }
  }

  /** What it was to do is so already: there is nothing to send. */
  async function alreadySo({ token }: DeadLetter, settlement: Settlement): Promise<void> {
    try {
      await outbox.discard(token);
      settlement.accepted(undefined);
    } catch (cause) {
      settlement.rejected(new SyncError('STORAGE', 'The dead letter could not be removed.', { cause }));
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

  function beginOrLeave(letter: DeadLetter): PendingMutation | undefined {
    try {
      return caller.begin(callOf(letter, undefined), identityOf(letter, undefined), undefined);
    } catch {
      return undefined; // it stays a dead letter, with its own reasons
    }
  }

  function callOf(letter: DeadLetter, edited: unknown): Call {
    const { record } = letter;
    const scope = record.lanes.find((lane) => lane.startsWith('scope:'))?.slice('scope:'.length);
    const { refusedAt, retryAfterMs = 0 } = letter;
    // The clock may have jumped: never longer than the server asked for.
    const waitMs = Math.min(refusedAt + retryAfterMs - options.now(), retryAfterMs);
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
    const { definition, parked, variables } = caller.revive(record, 0, 0);
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
    retry,
    async discard(token) {
      options.alive();
      busy.add(token);
      try {
        await outbox.discard(token);
      } finally {
        busy.delete(token);
      }
    },
  };
}

/** An insert that was given up, and whose row has come with the feed: it had arrived (RT6). */
function arrived({ sealed }: DeadLetter, edited: unknown, error: unknown): boolean {
  const exists = error instanceof SyncError && error.code === 'ENTITY_EXISTS';
  return sealed !== undefined && edited === undefined && exists;
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
