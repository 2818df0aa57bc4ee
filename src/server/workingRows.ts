import type { Origin } from './effect.js';
import { DatabaseError, type Transaction } from './database.js';
import type { Entity, JsonObject } from './protocol.js';
import { MILLISECONDS } from './schema.js';

/** Names a row within its tenant. */
export interface RowKey {
  readonly type: string;
  readonly id: string;
}

/** One step of one row: what the feed tells of it. */
export interface RowStep {
  readonly entity: Entity;
  readonly scope: string;
  readonly origin: Pick<Origin, 'op' | 'rev' | 'client'>;
  /** Of the ops in the transaction: the feed never splits one. */
  readonly part: number;
  /** By how many live rows, and by which checksum, the scope is another after it. */
  readonly rows: number;
  readonly checksum: number;
}

/**
 * The rows of one tenant that a transaction works on, as its ops have left them so far. They are locked when they are
 * looked at and written once, at the end: a batch costs as many statements as a single op.
 */
export interface WorkingRows {
  /** Locks and reads rows, in sorted order, so that two transactions over the same ones cannot deadlock. */
  lock(keys: readonly RowKey[]): Promise<void>;
  /** A locked row, or its tombstone; `undefined` when there was never one. */
  get(key: RowKey): Entity | undefined;
  /** Milliseconds since the epoch by the database's clock, taken after the last lock. */
  readonly now: number;
  /** Takes over what an op did. */
  keep(steps: readonly RowStep[]): void;
  /** All that was kept, in order. */
  readonly steps: readonly RowStep[];
  /**
   * Writes the rows.
   * @throws DatabaseError as one that lost against another when a row was created meanwhile: nothing could lock it.
   */
  write(): Promise<void>;
}

interface Locked {
  readonly now: string | number;
  readonly rows: readonly (RowKey & {
    readonly version: number;
    readonly data: JsonObject | null;
    readonly at: number;
  })[];
}

// The clock is read when all rows are there, that is after whoever held them: times of one row never go back.
const LOCK = `
  WITH locked AS (
    SELECT e.type, e.id, e.version, e.data, e.at FROM holdfast.entity e
    JOIN jsonb_to_recordset($1::text::jsonb) AS k(type text, id text)
      ON e.type = k.type COLLATE "C" AND e.id = k.id COLLATE "C" AND e.tenant = $2
    ORDER BY e.type, e.id FOR UPDATE OF e
  ), read AS (SELECT type, id, version, data, ${MILLISECONDS} FROM locked)
  SELECT coalesce(jsonb_agg(to_jsonb(read)), '[]') AS rows,
    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
  FROM read`;
const GIVEN = `jsonb_to_recordset($1::text::jsonb)
  AS r(type text, id text, scope text, version bigint, data jsonb, at bigint)`;
const CREATE = `
  INSERT INTO holdfast.entity (tenant, type, id, scope, version, data, at)
  SELECT $2, r.type, r.id, r.scope, r.version, r.data, to_timestamp(r.at / 1000.0) FROM ${GIVEN}
  ORDER BY r.type COLLATE "C", r.id COLLATE "C"
  ON CONFLICT (tenant, type, id) DO NOTHING RETURNING 1 AS created`;
const REPLACE = `
  UPDATE holdfast.entity e SET version = r.version, data = r.data, at = to_timestamp(r.at / 1000.0) FROM ${GIVEN}
  WHERE e.tenant = $2 AND e.type = r.type COLLATE "C" AND e.id = r.id COLLATE "C"`;

/** Starts with no row. */
export function createWorkingRows(tx: Transaction, tenant: string): WorkingRows {
  const stored = new Map<string, Entity | undefined>();
  const present = new Map<string, Entity | undefined>();
  const changed = new Map<string, RowStep>();
  const steps: RowStep[] = [];
  let now = 0;

  return {
    async lock(keys) {
      const missing = new Map(keys.map((key) => [keyOf(key), { type: key.type, id: key.id }]));
      for (const key of stored.keys()) missing.delete(key);
      if (missing.size === 0) return;
      const [locked] = await tx.query<Locked>(LOCK, [JSON.stringify([...missing.values()]), tenant]);
      now = Number(locked?.now);
      const found = new Map(locked?.rows.map((row) => [keyOf(row), row]));
      for (const key of missing.keys()) {
        stored.set(key, found.get(key));
        present.set(key, found.get(key));
      }
    },
    get: (key) => present.get(keyOf(key)),
    get now() {
      return now;
    },
    keep(more) {
      for (const step of more) {
        steps.push(step);
        present.set(keyOf(step.entity), step.entity);
        changed.set(keyOf(step.entity), step);
      }
    },
    steps,
    async write() {
      const given = [...changed].map(([key, { entity, scope }]) => ({ key, row: { ...entity, scope } }));
      const created = given.filter(({ key }) => stored.get(key) === undefined).map(({ row }) => row);
      const replaced = given.filter(({ key }) => stored.get(key) !== undefined).map(({ row }) => row);
      if (created.length > 0) {
        const done = await tx.query(CREATE, [JSON.stringify(created), tenant]);
        if (done.length < created.length)
          throw new DatabaseError('unavailable', new Error('A row was created meanwhile.'), '40001');
      }
      if (replaced.length > 0) await tx.query(REPLACE, [JSON.stringify(replaced), tenant]);
    },
  };
}

/** Tells rows apart, whatever their ids contain. */
export const keyOf = ({ type, id }: RowKey): string => JSON.stringify([type, id]);
