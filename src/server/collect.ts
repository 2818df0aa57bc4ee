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

/** Removed per transaction: small enough that nobody who commits into the same scope has to wait long. */
const SLICE = 5000;

// Scopes whose first change is old.
const OLD_SCOPES = `
  SELECT s.scope FROM holdfast.scope s
  JOIN LATERAL (
    SELECT at FROM holdfast.change c WHERE c.scope = s.scope AND c.seq > s.floor ORDER BY c.seq LIMIT 1
  ) first ON first.at < $1::timestamptz`;

// Up to the first change that is young, and no further than the end of the transaction that fills the slice. Deleting
// and moving the floor commit together: no reader can see the gap without the floor. Rows and tombstones stay; a
// tombstone keeps the version of its row counting.
const CHANGES = `
  WITH slice AS (
    SELECT s.floor, coalesce((
      SELECT page_end FROM holdfast.change c WHERE c.scope = $1 AND c.seq > s.floor
      ORDER BY c.seq OFFSET $3::bigint - 1 LIMIT 1
    ), s.seq) AS last
    FROM holdfast.scope s WHERE s.scope = $1
  ), young AS (
    SELECT min(c.seq) AS seq FROM holdfast.change c, slice
    WHERE c.scope = $1 AND c.seq > slice.floor AND c.seq <= slice.last AND c.at >= $2::timestamptz
  ), cut AS (
    SELECT coalesce(young.seq - 1, slice.last) AS seq FROM slice, young
  ), floors AS (
    UPDATE holdfast.scope s SET floor = cut.seq FROM cut WHERE s.scope = $1 AND s.floor < cut.seq
  ), gone AS (
    DELETE FROM holdfast.change c USING cut WHERE c.scope = $1 AND c.seq <= cut.seq RETURNING 1
  )
  SELECT count(*) AS removed FROM gone`;

const OPS = `
  WITH gone AS (
    DELETE FROM holdfast.op WHERE (tenant, subject, token, rev) IN (
      SELECT tenant, subject, token, rev FROM holdfast.op WHERE at < $1::timestamptz ORDER BY at LIMIT $2::bigint
    ) RETURNING 1
  )
  SELECT count(*) AS removed FROM gone`;

/**
 * Removes old changes and op records, in slices, each in a transaction of its own. Two instances may do it at once.
 * Ends early, between two slices, when `signal` aborts.
 */
export async function collect(
  database: Database,
  { changesBefore, opsBefore }: CollectOptions,
  signal: AbortSignal,
): Promise<Collected> {
  /** Repeats until there is nothing left. */
  async function removeAll(
    text: string,
    values: readonly (string | number)[],
    most: number,
  ): Promise<number> {
    for (let total = 0; ;) {
      const [row] = await database.query<{ removed: string | number }>(text, [...values, most]);
      const removed = Number(row?.removed ?? 0);
      total += removed;
      if (removed < most || signal.aborted) return total;
    }
  }

  let changes = 0;
  if (changesBefore !== undefined) {
    const before = changesBefore.toISOString();
    for (const { scope } of await database.query<{ scope: string }>(OLD_SCOPES, [before]))
      if (!signal.aborted) changes += await removeAll(CHANGES, [scope, before], SLICE);
  }
  const ops =
    opsBefore === undefined || signal.aborted ? 0 : await removeAll(OPS, [opsBefore.toISOString()], SLICE);
  return { changes, ops };
}
