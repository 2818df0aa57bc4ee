import { restoreError, SyncError } from '../domain/errors.js';
import type { Leaving } from './departures.js';
import type { SyncEventName, SyncEvents } from './events.js';

export type Emit = <E extends SyncEventName>(event: E, data: SyncEvents[E]) => void;

/** Settles the promises of a mutation that is decided, and tells it: once, with the same error everywhere (MU1, MU2). */
export function tellOutcome({ mutation, outcome, error: known, held }: Leaving, emit: Emit): void {
  const { token, settlement, name } = mutation;
  switch (outcome.kind) {
    case 'accepted':
      settlement?.accepted(outcome.result);
      emit('mutation.confirmed', { token, name, result: outcome.result });
      return;
    case 'annulled':
      settlement?.accepted(undefined);
      emit('mutation.annulled', { token, name });
      return;
    case 'refused': {
      const error = known ?? restoreError(outcome.error);
      settlement?.rejected(error);
      emit(held === undefined ? 'mutation.rejected' : 'mutation.needsAttention', { token, name, error });
      return;
    }
    case 'cancelled':
      settlement?.rejected(cancelled(name));
      emit('mutation.cancelled', { token, name });
      return;
    case 'forgotten': {
      const error = new SyncError(
        'OUTCOME_UNKNOWN',
        `"${name}" has left the outbox while this tab slept, and nothing tells any more whether it was accepted.`,
      );
      settlement?.rejected(error);
      emit('mutation.forgotten', { token, name, error });
      return;
    }
  }
}

export function cancelled(name: string): SyncError {
  return new SyncError('CANCELLED', `"${name}" was rolled back before it was sent.`);
}
