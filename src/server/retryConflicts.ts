import { DatabaseError, type Database } from './database.js';
import { createWakeup } from './wakeup.js';

// serialization_failure, deadlock_detected: this transaction was rolled back so that another could go on
const CONFLICTS: readonly (string | undefined)[] = ['40001', '40P01'];
const MOST_ATTEMPTS = 10;
const NEVER = new AbortController().signal;

/**
 * A transaction that is run again when it lost against another one: rare on PostgreSQL, where READ COMMITTED waits
 * instead, and ordinary on databases with stricter isolation. `work` must have no effect outside its transaction.
 */
export const retryConflicts =
  (database: Database): Database['transaction'] =>
  async (work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await database.transaction(work);
      } catch (error) {
        const lost = error instanceof DatabaseError && CONFLICTS.includes(error.sqlState);
        if (!lost || attempt === MOST_ATTEMPTS) throw error;
        await createWakeup().wait(Math.random() * 2 ** attempt, NEVER);
      }
    }
  };
