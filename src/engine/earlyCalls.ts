import { SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { Settlement } from './settlement.js';
import { cancelled } from './tellOutcome.js';

/** Calls made before the storage was read, that had nothing to work on then: they are made again once it has been. */
export interface EarlyCalls {
  /** False once the storage has been read. */
  readonly open: boolean;
  wait(name: string, token: Token, settlement: Settlement, again: () => void): void;
  /** Whether it was waiting; then it is cancelled. */
  cancel(token: Token): boolean;
  /** The storage has been read. */
  run(): void;
}

export function createEarlyCalls(): EarlyCalls {
  let waiting: Map<Token, { again(): void; cancel(): void }> | undefined = new Map();
  return {
    get open() {
      return waiting !== undefined;
    },
    wait(name, token, settlement, again) {
      waiting?.set(token, {
        again() {
          try {
            again();
          } catch (late) {
            const error =
              late instanceof SyncError
                ? late
                : new SyncError('VALIDATION', `"${name}" failed once the stored rows were there.`, {
                    cause: late,
                  });
            settlement.rejected(error);
          }
        },
        cancel: () => settlement.rejected(cancelled(name)),
      });
    },
    cancel(token) {
      const call = waiting?.get(token);
      if (call === undefined) return false;
      waiting?.delete(token);
      call.cancel();
      return true;
    },
    run() {
      const calls = waiting?.values() ?? [];
      waiting = undefined;
      for (const call of calls) call.again();
    },
  };
}
