import { restoreError } from '../domain/errors.js';
import type { Leaving } from './departures.js';
import type { SyncEventName, SyncEvents } from './events.js';
import { cancelled } from './mutator.js';

export type Emit = <E extends SyncEventName>(event: E, data: SyncEvents[E]) => void;

/** Settles the promises of a mutation that has left, and tells it: once, with the same error everywhere (MU1, MU2). */
export function tellOutcome({ mutation, outcome, error: known }: Leaving, emit: Emit): void {
  const { token, settlement, record } = mutation;
  const { name } = record;
  switch (outcome.kind) {
    case 'accepted':
    case 'annulled': {
      const result = outcome.kind === 'accepted' ? outcome.result : undefined;
      settlement?.accepted(result);
      emit('mutation.confirmed', { token, name, result });
      return;
    }
    case 'refused': {
      const error = known ?? restoreError(outcome.error);
      settlement?.rejected(error);
      emit('mutation.rejected', { token, name, error });
      return;
    }
    case 'cancelled':
      settlement?.rejected(cancelled(name));
      emit('mutation.cancelled', { token, name });
      return;
  }
}
