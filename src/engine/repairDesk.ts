import { describe, SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { Departure } from './departures.js';
import type { Outbox } from './outbox.js';
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
}

export interface RepairDeskOptions extends RetriesOptions {
  readonly outbox: Outbox;
  readonly alive: () => void;
}

export function createRepairDesk(options: RepairDeskOptions): RepairDesk {
  const { outbox } = options;
  const retries = createRetries(options);

  async function keep(token: Token, edited: unknown, settlement: Settlement): Promise<void> {
    let broken: unknown;
    const plan = (): Departure | undefined => {
      try {
        return retries.plan(token, edited);
      } catch (error) {
        broken = error; // it made sense when it was asked for
        return undefined;
      }
    };
    try {
      const isStored = await outbox.retry(plan, settlement);
      if (!isStored) settlement.rejected(broken === undefined ? notALetter(token) : asSyncError(broken));
    } catch (cause) {
      settlement.rejected(
        new SyncError('STORAGE', 'The retry could not be stored; it is a dead letter still.', { cause }),
      );
    }
  }

  return {
    retry(token, edited) {
      options.alive();
      if (retries.plan(token, edited) === undefined) throw notALetter(token);
      const settlement = createSettlement(token);
      void keep(token, edited, settlement);
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

function asSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown;
  const why = `The retry makes no sense any more (${describe(thrown)}); it is a dead letter still.`;
  return new SyncError('VALIDATION', why, { cause: thrown });
}
