import type { Database } from './database.js';

/** What {@link collect} may remove. */
export interface CollectOptions {
  /** Changes older than this leave the feed; a client whose cursor is older starts again from a snapshot (410). */
  readonly changesBefore?: Date;
  /** Op records older than this are forgotten; a replay of such an op is decided anew. */
  readonly opsBefore?: Date;
}

/** How much was removed. */
export interface Collected {
  readonly changes: number;
  readonly ops: number;
}

// Deleting and moving the floor commit together: no reader can see the gap without the floor. Ends on the last
// row of a transaction. Rows and tombstones stay; a tombstone keeps the version of its row counting.
const CHANGES = `
  WITH cut AS (
    SELECT scope, max(page_end) AS seq FROM holdfast.change
    WHERE at < $1::timestamptz AND seq IS NOT NULL GROUP BY scope
  ), floors AS (
    UPDATE holdfast.scope s SET floor = greatest(s.floor, cut.seq) FROM cut WHERE s.scope = cut.scope
  ), gone AS (
    DELETE FROM holdfast.change c USING cut WHERE c.scope = cut.scope AND c.seq <= cut.seq RETURNING 1
  )
  SELECT count(*)::integer AS removed FROM gone`;
const OPS = `
  WITH gone AS (DELETE FROM holdfast.op WHERE at < $1::timestamptz RETURNING 1)
  SELECT count(*)::integer AS removed FROM gone`;

/** Removes old changes and op records, in one transaction. Run it now and then, from one place. */
export async function collect(database: Database, options: CollectOptions): Promise<Collected> {
  const { changesBefore, opsBefore } = options;
  return database.transaction(async (tx) => {
    const remove = async (statement: string, before: Date | undefined): Promise<number> => {
      if (before === undefined) return 0;
      const [row] = await tx.query<{ removed: number }>(statement, [before.toISOString()]);
      return row?.removed ?? 0;
    };
    return {
      commit: true,
      value: { changes: await remove(CHANGES, changesBefore), ops: await remove(OPS, opsBefore) },
    };
  });
}
