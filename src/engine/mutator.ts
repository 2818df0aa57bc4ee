import { isBuiltIn, type AnyDefinition } from '../domain/definition.js';
import { SyncError } from '../domain/errors.js';
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
  readonly namespace: string;
  readonly caller: Caller;
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly ledger: Ledger;
  readonly store: Store;
  readonly outbox: Outbox;
  readonly createId: () => string;
  readonly disposed: () => boolean;
  readonly changed: (mutations: readonly PendingMutation[]) => void;
}

export function createMutator(options: MutatorOptions): Mutator {
  const { caller, definitions, ledger, store, outbox, changed } = options;
  /** Calls made before the storage was read, on rows that were unknown then. Undefined once it has been read. */
  let early: (() => void)[] | undefined = [];

  return {
    perform<R>(call: Call): MutationHandle<R> {
      if (options.disposed())
        throw new SyncError('DISPOSED', `The client "${options.namespace}" was disposed; create another.`);
      const settlement = createSettlement(options.createId());
      const handle = settlement.handle as MutationHandle<R>;
      const begin = (): void => {
        const mutation = caller.begin(call, handle.token, settlement);
        if (mutation === undefined) {
          settlement.accepted(undefined);
          return;
        }
        ledger.pending.set(mutation.token, mutation);
        store.apply(mutation);
        changed([mutation]);
        outbox.add(mutation);
      };
      try {
        begin();
      } catch (error) {
        if (early === undefined || !(error instanceof SyncError && error.code === 'ENTITY_NOT_FOUND'))
          throw error;
        early.push(() => {
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
        });
      }
      return handle;
    },

    async rollback(token) {
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
      if (await outbox.cancel(mutation)) return 'cancelled';
      if (!ledger.pending.has(token)) return 'settled';
      store.change({ add: [mutation] });
      throw alreadySent();
    },

    ready() {
      const calls = early ?? [];
      early = undefined;
      for (const call of calls) call();
    },

    check(definition) {
      if (isBuiltIn(definition.name) || definitions.get(definition.name) === definition) return;
      throw new SyncError(
        'UNKNOWN_DEFINITION',
        `"${definition.name}" is not among the mutations of this client. Pass it to createSyncClient({ mutations }), or it could not be sent after a reload.`,
      );
    },
  };
}
