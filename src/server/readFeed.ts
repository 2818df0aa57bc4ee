import { formatCursor, type Position } from './cursor.js';
import type { Sql } from './database.js';
import { MILLISECONDS } from './schema.js';
import type { Entity, FeedChange, FeedPage, JsonObject, TypeSum } from './protocol.js';

/** Why a cursor cannot be continued: `gc` its changes were collected, `epoch` it belongs to another database. */
export type ExpiredReason = 'gc' | 'epoch';

/** A page, or why there is none. */
export type FeedAnswer =
  | { readonly kind: 'page'; readonly page: FeedPage; readonly seq: number }
  | { readonly kind: 'expired'; readonly reason: ExpiredReason };

interface PageRow {
  readonly head: string | number;
  readonly floor: string | number;
  readonly seq: string | number | null;
  readonly type: string;
  readonly id: string;
  readonly version: string | number;
  readonly data: JsonObject | null;
  readonly op: string | null;
  readonly rev: string | number | null;
  readonly client: string | null;
  readonly at: string | number;
  /** `null`: not known for this scope. */
  readonly sums: readonly TypeSum[] | null;
}

// Of the live rows at the head. Nothing is known of a scope that was there before sums were kept.
const SUMS = `
  SELECT coalesce(jsonb_agg(jsonb_build_object('type', type, 'rows', rows, 'checksum', checksum % 4294967296)), '[]')
  FROM holdfast.sum WHERE scope = $1`;

// One statement, so that head, floor and changes come from one instant. The page runs on to the end of the
// transaction its last row belongs to.
const PAGE = `
  WITH counter AS (
    SELECT coalesce(max(seq), 0) AS head, coalesce(max(floor), 0) AS floor, bool_and(summed) AS summed FROM holdfast.scope WHERE scope = $1
  ), page AS (
    SELECT page_end FROM holdfast.change WHERE scope = $1 AND seq > $2::bigint
    ORDER BY seq OFFSET $3::bigint - 1 LIMIT 1
  )
  SELECT counter.head, counter.floor, c.seq, c.type, c.id, c.version, c.data, c.op, c.rev, c.client, ${MILLISECONDS},
    CASE WHEN $4::boolean AND counter.summed THEN (${SUMS}) END AS sums
  FROM counter LEFT JOIN holdfast.change c
    ON c.scope = $1 AND c.seq > $2::bigint AND c.seq <= coalesce((SELECT page_end FROM page), counter.head)
  ORDER BY c.seq`;

/**
 * The changes of `scope` after `since`, at least one transaction and about `limit` rows.
 * @param sums whether the page that reaches the head is to say what the rows add up to there
 */
export async function readFeed(
  sql: Sql,
  epoch: string,
  scope: string,
  since: Position,
  limit: number,
  sums = false,
): Promise<FeedAnswer> {
  if (since.epoch !== epoch) return { kind: 'expired', reason: 'epoch' };
  const rows = await sql.query<PageRow>(PAGE, [scope, since.seq, limit, sums]);
  const head = Number(rows[0]?.head ?? 0);
  // a position that was never given out here: the database went back in time (restored from a backup)
  if (since.seq > head) return { kind: 'expired', reason: 'epoch' };
  if (since.seq < Number(rows[0]?.floor ?? 0)) return { kind: 'expired', reason: 'gc' };
  const changes = rows.flatMap((row) => (row.seq === null ? [] : [toChange(row)]));
  const seq = Number(rows.at(-1)?.seq ?? since.seq);
  const upToDate = seq === head;
  const told = upToDate ? (rows[0]?.sums ?? undefined) : undefined; // they are of the head
  const page = { changes, cursor: formatCursor({ epoch, seq }), upToDate, ...(told && { sums: told }) };
  return { kind: 'page', seq, page };
}

/** The last position given out in each of `scopes`; 0 when nothing was written there. */
export async function readHeads(sql: Sql, scopes: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const heads = new Map(scopes.map((scope) => [scope, 0]));
  const rows = await sql.query<{ scope: string; seq: string | number }>(
    'SELECT scope, seq FROM holdfast.scope WHERE scope = ANY($1::text[])',
    [scopes],
  );
  for (const { scope, seq } of rows) heads.set(scope, Number(seq));
  return heads;
}

interface EntityRow {
  readonly type: string;
  readonly id: string;
  readonly version: string | number;
  readonly data: JsonObject;
  readonly at: string | number;
}

const ROWS = `
  SELECT type, id, version, data, ${MILLISECONDS} FROM holdfast.entity
  WHERE scope = $1 AND data IS NOT NULL AND (type, id) > ($2, $3) AND ($5::text[] IS NULL OR type = ANY($5::text[]))
  ORDER BY type, id LIMIT $4::bigint`;

const TOTAL = `
  SELECT sum(s.rows) AS total FROM holdfast.scope JOIN holdfast.sum s USING (scope)
  WHERE scope = $1 AND summed AND ($2::text[] IS NULL OR type = ANY($2::text[]))`;

/** How many live rows `scope` has, of these types or of all; `undefined` where it is not known. */
export async function readTotal(
  sql: Sql,
  scope: string,
  types: readonly string[] | null,
): Promise<number | undefined> {
  const [row] = await sql.query<{ total: string | number | null }>(TOTAL, [scope, types]);
  return row?.total == null ? undefined : Number(row.total);
}

/** The next `limit` live rows of `scope`, of these types or of all, by type and id. */
export async function readRows(
  sql: Sql,
  scope: string,
  after: { readonly type: string; readonly id: string },
  limit: number,
  types: readonly string[] | null,
): Promise<readonly Entity[]> {
  const rows = await sql.query<EntityRow>(ROWS, [scope, after.type, after.id, limit, types]);
  return rows.map(({ type, id, version, data, at }) => ({
    type,
    id,
    version: Number(version),
    data,
    at: Number(at),
  }));
}

function toChange(row: PageRow): FeedChange {
  const { type, id, data, op, client } = row;
  const rev = row.rev === null ? null : Number(row.rev);
  return {
    type,
    id,
    version: Number(row.version),
    data,
    at: Number(row.at),
    deleted: data === null,
    op,
    rev,
    client,
  };
}
