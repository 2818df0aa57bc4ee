import { isBuiltIn, type AnyDefinition } from '../domain/definition.js';
import { describe, SyncError } from '../domain/errors.js';
import type { Refusal, Token } from '../domain/mutation.js';
import type { Call, Caller } from './caller.js';
import { checkDependencies } from './dependents.js';
import { createEarlyCalls } from './earlyCalls.js';
import type { Ledger } from './ledger.js';
import { checkCycle } from './mutateOptions.js';
import type { Outbox } from './outbox.js';
import type { PendingMutation } from './pendingMutation.js';
import { createSettlement, type MutationHandle, type Settlement } from './settlement.js';
import type { Store } from './store.js';

/** Lets mutations in and takes them back. */
export interface Mutator {
  /** Makes the call visible, then durable. Throws the caller's error and leaves no trace (ST4). */
  readonly perform: <R>(call: Call) => MutationHandle<R>;
  readonly rollback: (token: Token) => Promise<'cancelled' | 'settled'>;
  /** The storage has been read: runs the calls that waited for their rows. */
  ready(): void;
  /** Throws `UNKNOWN_DEFINITION` unless it is one of this client's. */
  readonly check: (definition: AnyDefinition) => void;
}

export interface MutatorOptions {
  readonly caller: Caller;
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly ledger: Ledger;
  readonly store: Store;
  readonly outbox: Outbox;
  readonly createId: () => string;
  /** Throws `DISPOSED` after the end. */
  readonly alive: () => void;
  readonly changed: () => void;
}

const NO_HISTORY: readonly Refusal[] = [];

export function createMutator(options: MutatorOptions): Mutator {
  const { caller, definitions, ledger, store, outbox, changed } = options;
  const early = createEarlyCalls();

  function begin(call: Call, settlement: Settlement): void {
    const { token } = settlement.handle;
    const mutation = caller.begin(call, { token, rev: 0, history: NO_HISTORY }, settlement);
    if (mutation === undefined) {
      if (early.open) wait(call, settlement);
      else settlement.accepted(undefined);
      return;
    }
    if (mutation.dependsOn.length > 0) checkDependencies(mutation, ledger);
    // A token made here is new: nothing can wait for it yet.
    if (call.options.idempotencyKey !== undefined) checkCycle(token, mutation.dependsOn, dependenciesOf);
    ledger.add(mutation);
    store.apply(mutation);
    changed();
    outbox.add(mutation);
  }

  const wait = (call: Call, settlement: Settlement): void =>
    early.wait(call.name, settlement.handle.token, settlement, () => begin(call, settlement));

  const dependenciesOf = (token: Token): readonly Token[] => ledger.pending.get(token)?.dependsOn ?? [];

  /** The undecided mutation that the caller has given this token before. */
  function known(token: Token | undefined): MutationHandle | undefined {
    if (token === undefined) return undefined;
    if (typeof token !== 'string' || token === '' || token.length > 128)
      throw new SyncError(
        'INVALID_OPTIONS',
        `idempotencyKey is a string of 1 to 128 characters, received ${describe(token)}.`,
      );
    if (ledger.deadLetters.has(token))
      throw new SyncError(
        'INVALID_OPTIONS',
        `"${token}" was refused and is a dead letter; retry or discard it, or use another idempotencyKey.`,
      );
    const mutation = ledger.pending.get(token);
    return mutation && (mutation.settlement ??= createSettlement(token)).handle;
  }

  return {
    perform<R>(call: Call): MutationHandle<R> {
      options.alive();
      const { idempotencyKey } = call.options;
      const former = known(idempotencyKey);
      if (former !== undefined) return former as MutationHandle<R>;
      const settlement = createSettlement(idempotencyKey ?? options.createId());
      try {
        begin(call, settlement);
      } catch (error) {
        if (!early.open || !(error instanceof SyncError && error.code === 'ENTITY_NOT_FOUND')) throw error;
        wait(call, settlement);
      }
      return settlement.handle as MutationHandle<R>;
    },

    async rollback(token) {
      options.alive();
      if (early.cancel(token)) return 'cancelled';
      const mutation = ledger.pending.get(token);
      if (mutation === undefined || !mutation.undecided) return 'settled';
      if (mutation.phase.kind === 'sealed') throw alreadySent(mutation);
      if (await outbox.cancel(token)) return 'cancelled';
      const rest = ledger.pending.get(token);
      if (rest === undefined || !rest.undecided) return 'settled';
      throw alreadySent(rest);
    },

    ready: () => early.run(),

    check(definition) {
      if (typeof (definition as Partial<AnyDefinition> | undefined)?.name !== 'string')
        throw new SyncError(
          'UNKNOWN_DEFINITION',
          `${describe(definition)} is not a mutation; make one with defineMutation.`,
        );
      if (isBuiltIn(definition.name) || definitions.get(definition.name) === definition) return;
      throw new SyncError(
        'UNKNOWN_DEFINITION',
        `"${definition.name}" is not among the mutations of this client. Pass it to createSyncClient({ mutations }), or it could not be sent after a reload.`,
      );
    },
  };
}

function alreadySent({ name, token }: PendingMutation): SyncError {
  return new SyncError(
    'ALREADY_SENT',
    `"${name}" may have reached the server, so it cannot be taken back; undo(token) sends a change that undoes it.`,
    { details: { token } },
  );
}
