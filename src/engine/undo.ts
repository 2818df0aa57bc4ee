import type { Change } from '../domain/changes.js';
import type { AnyDefinition } from '../domain/definition.js';
import { SyncError } from '../domain/errors.js';
import { renameInChange, type Ids } from '../domain/identity.js';
import { inverse } from '../domain/inverse.js';
import type { Token } from '../domain/mutation.js';
import type { AnyCollection } from '../domain/collection.js';
import { applyInTransaction } from './applyInTransaction.js';
import type { Leaving } from './departures.js';
import type { Ledger } from './ledger.js';
import type { Mutator } from './mutator.js';
import type { Outbox } from './outbox.js';
import type { Store } from './store.js';

/** Takes back what may have been sent, by a mutation that does the opposite (MU4). */
export interface Undo {
  /**
   * `'cancelled'`: it was unsent, and is gone; `'queued'`: its inverse is on its way; `'settled'`: there is nothing to
   * undo, because it was refused, or all that it did has been changed since.
   */
  readonly undo: (token: Token) => Promise<'cancelled' | 'queued' | 'settled'>;
  /** Mutations were decided: they can be undone for as long as they are remembered. */
  remember(those: readonly Leaving[]): void;
}

export interface UndoOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly ids: Ids;
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly mutator: Mutator;
  readonly outbox: Pick<Outbox, 'discard'>;
}

interface Done {
  readonly name: string;
  readonly definition: AnyDefinition | undefined;
  readonly variables: unknown;
  readonly changes: readonly Change[];
}

/** How many decided mutations a tab remembers. */
const REMEMBERED = 200;

export function createUndo({ ledger, store, ids, collections, mutator, outbox }: UndoOptions): Undo {
  /** What was decided lately; undefined where it had no effect. The oldest comes first. */
  const decided = new Map<Token, Done | undefined>();

  function undoDone(token: Token, { name, definition, variables, changes }: Done): boolean {
    if (definition?.inverse !== undefined) {
      mutator.perform({
        name,
        definition,
        variables: definition.inverse(variables, changes) as unknown,
        work: (tx, checked) => definition.optimistic(tx, checked),
        options: {},
      });
      return true;
    }
    if (definition?.mutationFn !== undefined || definition?.command === true)
      throw new SyncError(
        'NOT_UNDOABLE',
        `"${name}" is sent by a function of its own or as a command, so its changes do not tell how to undo it; give its definition an inverse.`,
        { details: { token } },
      );
    const back = [...changes].reverse().flatMap((change) => {
      const now = renameInChange(change, ids, collections);
      return inverse(now, store.read(now)) ?? [];
    });
    if (back.length === 0) return false;
    mutator.perform({
      name: '@undo',
      definition: undefined,
      variables: undefined,
      work(tx) {
        for (const change of back) applyInTransaction(tx, change, collections);
      },
      options: {},
    });
    return true;
  }

  return {
    async undo(token) {
      const mutation = ledger.pending.get(token);
      if (mutation?.phase.kind === 'refused') {
        await outbox.discard(token); // refused, and still shown
        return 'cancelled';
      }
      if (mutation === undefined || mutation.phase.kind !== 'sealed') {
        try {
          if ((await mutator.rollback(token)) === 'cancelled') return 'cancelled';
        } catch (error) {
          if (!(error instanceof SyncError && error.code === 'ALREADY_SENT')) throw error;
        }
      }
      const sealed = ledger.pending.get(token);
      if (sealed?.phase.kind === 'sealed') return undoDone(token, sealed) ? 'queued' : 'settled';
      if (decided.has(token)) {
        const done = decided.get(token);
        return done !== undefined && undoDone(token, done) ? 'queued' : 'settled';
      }
      if (sealed !== undefined || ledger.deadLetters.has(token)) return 'settled';
      throw new SyncError(
        'NOT_UNDOABLE',
        `Nothing is known of "${token}" any more: a tab remembers the last ${REMEMBERED} mutations, until it is reloaded. Send a change that undoes it.`,
        { details: { token } },
      );
    },
    remember(those) {
      for (const { mutation, outcome } of those.slice(-REMEMBERED)) {
        const { token, name, definition, variables, changes } = mutation;
        decided.delete(token);
        decided.set(
          token,
          outcome.kind === 'accepted' ? { name, definition, variables, changes } : undefined,
        );
        const [oldest] = decided.keys();
        if (decided.size > REMEMBERED && oldest !== undefined) decided.delete(oldest);
      }
    },
  };
}
