import { upToDate } from '../domain/conflict.js';
import { describe, SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { Resolution } from '../domain/resolution.js';
import type { Departure } from './departures.js';
import type { Outbox } from './outbox.js';
import { planResolution } from './resolutions.js';
import { createRetries, type RetriesOptions } from './retries.js';
import { createSettlement, type MutationHandle, type Settlement } from './settlement.js';

/** What the user does about dead letters (RT7). */
export interface RepairDesk {
  /**
   * Tries a dead letter again, under the same token: durable, then shown. With it come those that were refused only
   * because of it. Throws the mutation's own errors, and leaves it a dead letter.
   */
  readonly retry: (token: Token, editedVariables?: unknown) => MutationHandle;
  readonly discard: (token: Token) => Promise<void>;
  /** Decides a conflict (CF4). Throws `VALIDATION` where the resolution does not fit it. */
  readonly resolve: (id: Token, resolution: Resolution) => MutationHandle;
}

export interface RepairDeskOptions extends RetriesOptions {
  readonly outbox: Outbox;
  readonly alive: () => void;
}

export function createRepairDesk(options: RepairDeskOptions): RepairDesk {
  const { outbox } = options;
  const retries = createRetries(options);

  /** @param none what it is not any more, where there is nothing to plan */
  async function keep(
    decide: () => Departure | undefined,
    settlement: Settlement,
    none: SyncError,
  ): Promise<void> {
    let broken: unknown;
    const plan = (): Departure | undefined => {
      try {
        return decide();
      } catch (error) {
        broken = error; // it made sense when it was asked for
        return undefined;
      }
    };
    try {
      const isStored = await outbox.retry(plan, settlement);
      if (!isStored) settlement.rejected(broken === undefined ? none : asSyncError(broken));
    } catch (cause) {
      settlement.rejected(
        new SyncError('STORAGE', 'The retry could not be stored; it is a dead letter still.', { cause }),
      );
    }
  }

  return {
    retry(token, edited) {
      options.alive();
      const plan = (): Departure | undefined => retries.plan(token, edited);
      if (plan() === undefined) throw notALetter(token);
      const settlement = createSettlement(token);
      void keep(plan, settlement, notALetter(token));
      return settlement.handle;
    },
    resolve(id, resolution) {
      options.alive();
      const [letter] = [...options.ledger.deadLetters.values()].filter((one) => one.conflict?.id === id);
      if (letter?.conflict === undefined) throw notAConflict(id);
      const seen = upToDate(letter.conflict.rows, options.store.base);
      const plan = (): Departure | undefined => planResolution(options, id, resolution, options.now(), seen);
      if (plan() === undefined) throw notAConflict(id);
      const settlement = createSettlement(letter.conflict.tokens[0] ?? letter.token);
      void keep(plan, settlement, notAConflict(id));
      return settlement.handle;
    },
    async discard(token) {
      options.alive();
      await outbox.discard(token);
    },
  };
}

const notALetter = (token: Token): SyncError =>
  new SyncError('UNKNOWN_TOKEN', `${describe(token)} is not the token of a dead letter.`);

const notAConflict = (id: Token): SyncError =>
  new SyncError('UNKNOWN_TOKEN', `${describe(id)} is not the id of a conflict.`);

function asSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown;
  const why = `The retry makes no sense any more (${describe(thrown)}); it is a dead letter still.`;
  return new SyncError('VALIDATION', why, { cause: thrown });
}
