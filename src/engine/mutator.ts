import { isBuiltIn, type AnyDefinition } from '../domain/definition.js';
import { describe, SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { Call, Caller } from './caller.js';
import type { Ledger } from './ledger.js';
import type { Outbox } from './outbox.js';
import type { PendingMutation } from './pendingMutation.js';
import { createSettlement, type MutationHandle } from './settlement.js';
import type { Store } from './store.js';

/** Lets mutations in and takes them back. */
export interface Mutator {
  /** Makes the call visible, then durable. Throws the caller's error and leaves no trace (ST4). */
  perform<R>(call: Call): MutationHandle<R>;
  readonly rollback: (token: Token) => Promise<'cancelled' | 'settled'>;
  /** The storage has been read: runs the calls that waited for their rows. */
  ready(): void;
  /** Throws `UNKNOWN_DEFINITION` unless it is one of this client's. */
  check(definition: AnyDefinition): void;
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
  readonly changed: (mutations: readonly PendingMutation[]) => void;
}

export function createMutator(options: MutatorOptions): Mutator {
  const { caller, definitions, ledger, store, outbox, changed } = options;
  /** Calls made before the storage was read, that had nothing to work on then. Undefined once it has been read. */
  let early: Map<Token, { again(): void; cancel(): void }> | undefined = new Map();

  return {
    perform<R>(call: Call): MutationHandle<R> {
      options.alive();
      const settlement = createSettlement(options.createId());
      const handle = settlement.handle as MutationHandle<R>;
      const begin = (): void => {
        const mutation = caller.begin(call, handle.token, settlement);
        if (mutation === undefined) {
          if (early === undefined) settlement.accepted(undefined);
          else wait(early);
          return;
        }
        ledger.pending.set(mutation.token, mutation);
        store.apply(mutation);
        changed([mutation]);
        outbox.add(mutation);
      };
      const wait = (calls: NonNullable<typeof early>): void => {
        calls.set(handle.token, {
          again() {
            try {
              begin();
            } catch (late) {
              settlement.rejected(
                late instanceof SyncError
                  ? late
                  : new SyncError('VALIDATION', `"${call.name}" failed once the stored rows were there.`, {
                      cause: late,
                    }),
              );
            }
          },
          cancel: () => settlement.rejected(cancelled(call.name)),
        });
      };
      try {
        begin();
      } catch (error) {
        if (early === undefined || !(error instanceof SyncError && error.code === 'ENTITY_NOT_FOUND'))
          throw error;
        wait(early);
      }
      return handle;
    },

    async rollback(token) {
      options.alive();
      const waiting = early?.get(token);
      if (early?.delete(token) === true) {
        waiting?.cancel();
        return 'cancelled';
      }
      const mutation = ledger.pending.get(token);
      if (mutation === undefined) return 'settled';
      const alreadySent = (): SyncError =>
        new SyncError(
          'ALREADY_SENT',
          `"${mutation.record.name}" may have reached the server, so it cannot be taken back; send a change that undoes it.`,
          { details: { token } },
        );
      if (mutation.phase.kind === 'sealed') throw alreadySent();
      store.change({ drop: [mutation] });
      let isCancelled = false;
      try {
        isCancelled = await outbox.cancel(mutation);
      } finally {
        // Still there (sealed meanwhile, or the storage failed): then it shows, too.
        if (!isCancelled && ledger.pending.has(token)) store.change({ add: [mutation] });
      }
      if (isCancelled) return 'cancelled';
      if (!ledger.pending.has(token)) return 'settled';
      throw alreadySent();
    },

    ready() {
      const calls = early?.values() ?? [];
      early = undefined;
      for (const call of calls) call.again();
    },

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

export function cancelled(name: string): SyncError {
  return new SyncError('CANCELLED', `"${name}" was rolled back before it was sent.`);
}
