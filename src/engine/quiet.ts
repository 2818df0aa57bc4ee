import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';

/** Those who wait until nothing is on its way. */
export interface Quiet {
  /** Resolves when it is told that all is quiet, or before, when all of these are decided or held. */
  wait(of?: (mutation: PendingMutation) => boolean): Promise<void>;
  tell(isQuiet: boolean): void;
}

export function createQuiet({ pending }: Pick<Ledger, 'pending'>): Quiet {
  const waiting = new Map<() => void, ((mutation: PendingMutation) => boolean) | undefined>();

  /** Whether any of these is on its way. Mostly the first ones are: what was called first goes first. */
  function hasOpen(of: (mutation: PendingMutation) => boolean): boolean {
    for (const mutation of pending.values()) {
      const { standing } = mutation;
      if ((standing === 'pending' || standing === 'sending') && of(mutation)) return true;
    }
    return false;
  }

  return {
    wait: (of) => new Promise((resolve) => waiting.set(resolve, of)),
    tell(isQuiet) {
      for (const [resolve, of] of waiting) {
        if (!isQuiet && (of === undefined || hasOpen(of))) continue;
        waiting.delete(resolve);
        resolve();
      }
    },
  };
}
