import { DatabaseError, type Database, type Transaction } from './database.js';
import type { Guarded } from './guarded.js';
import type { ServerLogger } from './logger.js';
import type { Told } from './numberChanges.js';
import { isDecided, refusal } from './opRecord.js';
import { problem } from './problem.js';
import type { OpResult, Problem } from './protocol.js';
import { writeOps, type AskedOp, type AskedOps, type WriteRules } from './writeOps.js';

/** Options of {@link createDecideOps}. */
export interface DecideOpsOptions {
  readonly transact: Database['transaction'];
  readonly rules: WriteRules;
  readonly guarded: Guarded;
  readonly logger: ServerLogger;
  readonly beforeCommit: (tx: Transaction, told: Told) => Promise<void>;
  readonly onCommit: (scopes: Iterable<string>) => void;
}

/** Decides ops, in order. Results end with the first one that is to be sent again. */
export type DecideOps = (ops: AskedOps) => Promise<readonly OpResult[]>;

/** A row that cannot be had is waited for so long. */
export const LOCK_TIMEOUT = "SET LOCAL lock_timeout = '3s'";

/**
 * Ops of one batch share a transaction: what costs is round trips and commits. Where that fails, for one of them or for
 * the database, each gets its own, so that nobody suffers for another: a row that is locked for long, content that
 * cannot be stored, a hook that throws.
 */
export function createDecideOps(options: DecideOpsOptions): DecideOps {
  const { transact, rules, guarded, logger, beforeCommit, onCommit } = options;

  async function together(ops: AskedOps): Promise<readonly OpResult[]> {
    const { results, told } = await transact(async (tx) => {
      await tx.query(LOCK_TIMEOUT);
      const value = await writeOps(tx, ops, rules);
      if (value.keep) await beforeCommit(tx, value.told);
      return { commit: value.keep, value };
    });
    onCommit(told.keys());
    return results;
  }

  async function alone(asked: AskedOp): Promise<readonly OpResult[]> {
    try {
      return await together([asked]);
    } catch (error) {
      const forbidden = refusedByDatabase(error);
      if (forbidden === undefined) throw error;
      // A refusal claims the key like an effect: of two copies that were told different things, the first decides.
      return together([{ ...asked, forbidden }]);
    }
  }

  return async (ops) => {
    if (ops.length > 1)
      try {
        return await together(ops);
      } catch (error) {
        logger.warn('Ops could not be written together; they go one by one.', error);
      }
    const results: OpResult[] = [];
    for (const asked of ops) {
      const onBug = (): readonly OpResult[] => [refusal(asked.op, problem('internal'))];
      const [result] = (await guarded(() => alone(asked), onBug)) ?? [];
      if (result === undefined) break;
      results.push(result);
      if (!isDecided(result)) break;
    }
    return results;
  };
}

/** The database does not take this content, today or tomorrow. */
export function refusedByDatabase(error: unknown): Problem | undefined {
  return error instanceof DatabaseError && error.kind === 'rejected'
    ? problem('invalid', 'The database refuses this content.', { sqlState: error.sqlState })
    : undefined;
}
