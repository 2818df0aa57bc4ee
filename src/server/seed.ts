import { rowChecksum } from '../domain/checksum.js';
import { feedName } from './caller.js';
import type { Database } from './database.js';
import type { ScopeOf } from './effect.js';
import { mergeTold, numberChanges, toTold, type Told } from './numberChanges.js';
import type { JsonObject } from './protocol.js';
import type { Numbering } from './schema.js';

/** A row to begin with. */
export interface SeedRow {
  readonly id: string;
  readonly data: JsonObject;
}

const ROWS_PER_STATEMENT = 500;

const INSERT = `
  WITH given AS (
    SELECT n, row->>'id' AS id, row->>'scope' AS scope, row->'data' AS data, (row->>'checksum')::bigint AS checksum
    FROM jsonb_array_elements($2::text::jsonb) WITH ORDINALITY AS g(row, n)
  ), saved AS (
    INSERT INTO holdfast.entity (type, id, scope, version, data, tenant)
    SELECT $1, id, scope, 1, data, $4 FROM given
  )
  INSERT INTO holdfast.change (scope, part, type, id, version, data, rows, checksum)
  SELECT scope, $3::integer, $1, id, 1, data, 1, checksum FROM given ORDER BY n
  RETURNING scope, ordinal`;

/** Options of {@link seedRows}. */
export interface SeedOptions {
  readonly scopeOf: ScopeOf;
  readonly tenant: string;
  readonly numbering: Numbering;
}

/**
 * Inserts `rows` if the tenant has no row of this type, not even a deleted one; all in one transaction. For the feed
 * they count as many small transactions (parts), so that a client can page through them.
 *
 * @returns the scopes that were written to; none if there were rows.
 */
export async function seedRows(
  database: Database,
  type: string,
  rows: readonly SeedRow[],
  { scopeOf, tenant, numbering }: SeedOptions,
): Promise<readonly string[]> {
  return database.transaction(async (tx) => {
    await tx.query('SELECT 1 FROM holdfast.meta FOR UPDATE'); // two instances may start at once
    const present = await tx.query('SELECT 1 FROM holdfast.entity WHERE tenant = $1 AND type = $2 LIMIT 1', [
      tenant,
      type,
    ]);
    if (present.length > 0) return { commit: false, value: [] };
    const parts: Told[] = [];
    for (let from = 0, part = 0; from < rows.length; from += ROWS_PER_STATEMENT, part++) {
      const slice = rows.slice(from, from + ROWS_PER_STATEMENT);
      const json = slice.map(({ id, data }) => ({
        id,
        scope: feedName(tenant, scopeOf(type, id)),
        data,
        checksum: rowChecksum(type, id, 1),
      }));
      const written = await tx.query<{ scope: string; ordinal: string | number }>(INSERT, [
        type,
        JSON.stringify(json),
        part,
        tenant,
      ]);
      parts.push(toTold(written));
    }
    const told = mergeTold(parts);
    await numberChanges(tx, told, numbering);
    return { commit: true, value: [...told.keys()] };
  });
}
