import type { Transaction } from './database.js';
import type { Numbering } from './schema.js';

/** The change rows a transaction has written, by scope: their ordinals. */
export type Told = ReadonlyMap<string, readonly string[]>;

/** What an `INSERT … RETURNING scope, ordinal` of change rows told. */
export function toTold(
  written: readonly { readonly scope: string; readonly ordinal: string | number }[],
): Told {
  const told = new Map<string, string[]>();
  for (const { scope, ordinal } of written) {
    const ordinals = told.get(scope) ?? [];
    ordinals.push(String(ordinal));
    told.set(scope, ordinals);
  }
  return told;
}

/** Adds up what several ops of one transaction told. */
export function mergeTold(all: Iterable<Told>): Told {
  const merged = new Map<string, readonly string[]>();
  for (const told of all)
    for (const [scope, ordinals] of told) merged.set(scope, [...(merged.get(scope) ?? []), ...ordinals]);
  return merged;
}

// The counter is a row: taking a number locks it until COMMIT, so whoever gets 6 waited for the owner of 5.
const NUMBER = `
  WITH mine AS (
    SELECT ordinal, part, type, rows, checksum, row_number() OVER (ORDER BY ordinal) AS n
    FROM holdfast.change WHERE ordinal = ANY($2::bigint[])
  ), counter AS (
    INSERT INTO holdfast.scope AS s (scope, seq, summed)
    SELECT $1, $3::bigint, bool_and(checksum IS NOT NULL) FROM mine
    ON CONFLICT (scope) DO UPDATE SET seq = s.seq + excluded.seq, summed = s.summed AND excluded.summed
    RETURNING s.seq - $3::bigint AS base
  ), sums AS (
    INSERT INTO holdfast.sum AS s (scope, type, rows, checksum)
    SELECT $1, type, sum(rows), sum(checksum) FROM mine, counter WHERE checksum IS NOT NULL GROUP BY type
    ON CONFLICT (scope, type) DO UPDATE SET rows = s.rows + excluded.rows, checksum = s.checksum + excluded.checksum
  ), numbered AS (
    SELECT ordinal, n, max(n) OVER (PARTITION BY part) AS last_of_part FROM mine
  )
  UPDATE holdfast.change c SET seq = counter.base + numbered.n, page_end = counter.base + numbered.last_of_part
  FROM counter, numbered WHERE c.ordinal = numbered.ordinal`;

/**
 * Gives the change rows of `tx` their place in the feed. Must be its last statement: the longer the counter is locked,
 * the fewer commits per second. Scopes in sorted order, or two transactions over the same ones could deadlock.
 */
export async function numberChanges(tx: Transaction, told: Told, numbering: Numbering): Promise<void> {
  if (numbering === 'commit') return; // the trigger does
  for (const [scope, ordinals] of [...told].sort(([a], [b]) => (a < b ? -1 : 1)))
    await tx.query(NUMBER, [scope, ordinals, ordinals.length]);
}
