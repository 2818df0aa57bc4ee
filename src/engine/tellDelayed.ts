import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Emit } from './tellOutcome.js';

/** Tells of those that have failed and wait for their next attempt (RT2). */
export function tellDelayed(
  mutations: readonly PendingMutation[],
  { pending }: Pick<Ledger, 'pending'>,
  emit: Emit,
): void {
  for (const { token, name, failures, sending } of mutations)
    if (failures !== undefined && !sending && pending.has(token))
      emit('mutation.delayed', { token, name, error: failures.error, attempts: failures.count });
}
