import type { Database } from './database.js';
import type { ScopeOf } from './effect.js';
import type { JsonObject } from './protocol.js';

/** A row to begin with. */
export interface SeedRow {
  readonly id: string;
  readonly data: JsonObject;
}

const SEED_LOCK = 5_104_771_204;
const ROWS_PER_STATEMENT = 500;

const INSERT = `
  WITH given AS (
    SELECT ordinality, id, scope, data
    FROM ROWS FROM (jsonb_to_recordset($2::text::jsonb) AS (id text, scope text, data jsonb))
      WITH ORDINALITY AS g(id, scope, data, ordinality)
  ), saved AS (
    INSERT INTO holdfast.entity (type, id, scope, version, data) SELECT $1, id, scope, 1, data FROM given
  )
  INSERT INTO holdfast.change (scope, part, type, id, version, data)
  SELECT scope, $3::integer, $1, id, 1, data FROM given ORDER BY ordinality`;

/**
 * Inserts `rows` if there is no row of this type, not even a deleted one; all in one transaction. For the feed
 * they count as many small transactions (parts), so that a client can page through them.
 *
 * @returns how many rows were inserted.
 */
export async function seedRows(
  database: Database,
  scopeOf: ScopeOf,
  type: string,
  rows: readonly SeedRow[],
): Promise<number> {
  return database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1::bigint)', [SEED_LOCK]); // two instances may start at once
    const present = await tx.query('SELECT 1 FROM holdfast.entity WHERE type = $1 LIMIT 1', [type]);
    if (present.length > 0) return { commit: false, value: 0 };
    for (let from = 0, part = 0; from < rows.length; from += ROWS_PER_STATEMENT, part++) {
      const slice = rows.slice(from, from + ROWS_PER_STATEMENT);
      const json = slice.map(({ id, data }) => ({ id, scope: scopeOf(type, id), data }));
      await tx.query(INSERT, [type, JSON.stringify(json), part]);
    }
    return { commit: true, value: rows.length };
  });
}
