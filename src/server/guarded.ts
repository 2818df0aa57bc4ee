import { DatabaseError } from './database.js';
import type { ServerLogger } from './logger.js';

/** Runs `work`. `undefined`: transient, undecided. A bug is logged, and `onBug` says what to answer. */
export type Guarded = <T>(work: () => Promise<T>, onBug: () => T) => Promise<T | undefined>;

/** Makes the guard of one server. */
export const createGuarded =
  (logger: ServerLogger): Guarded =>
  async (work, onBug) => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DatabaseError && error.kind === 'unavailable') {
        logger.warn('The database is unavailable; the rest of the batch is undecided.', error);
        return undefined;
      }
      logger.error('An op failed.', error);
      return onBug();
    }
  };
