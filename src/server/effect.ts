import { feedName, type Caller } from './caller.js';
import { canonicalJson } from './canonicalJson.js';
import type { Transaction } from './database.js';
import type { Told } from './numberChanges.js';
import { problem } from './problem.js';
import type { Change, Entity, JsonObject, Problem } from './protocol.js';
import { MILLISECONDS } from './schema.js';

/** The versions one op, or a chain of ops, moved a row between. */
export interface RowWrite {
  readonly type: string;
  readonly id: string;
  readonly before: number;
  readonly after: number;
}

/** Who writes; kept with every change row. */
export interface Origin extends Caller {
  readonly client: string | null;
  readonly op: string | null;
  readonly rev: number | null;
}

/** What a {@link Validate} hook may look at. */
export interface ValidateContext extends Caller {
  /** The row as it is now; `undefined` when there is none. */
  readonly current: JsonObject | undefined;
}

/** Says why `change` must be refused (422), or `undefined`. `row` is the row as it would become (deleted: `undefined`). */
export type Validate = (
  change: Change,
  row: JsonObject | undefined,
  context: ValidateContext,
) => string | undefined;

/** Which feed of its tenant a row belongs to. Must depend on nothing but its arguments. */
export type ScopeOf = (type: string, id: string) => string;

/** What became of one change. */
export type ChangeOutcome =
  | { readonly accepted: true; readonly entity: Entity }
  | { readonly accepted: false; readonly problem: Problem };

/** The rows one op reads and writes, inside its transaction. */
export interface Effect {
  /** Locks these rows in sorted order, so that two ops over the same rows cannot deadlock. */
  lock(changes: readonly Change[]): Promise<void>;
  /** The row, locked until the transaction ends; `undefined` when there is none (tombstones included). */
  get(type: string, id: string): Promise<Entity | undefined>;
  /** Checks and writes. A refused change has written nothing. */
  apply(change: Change): Promise<ChangeOutcome>;
  /** Rows touched so far, as they are now. */
  entities(): readonly Entity[];
  writes(): readonly RowWrite[];
  /** The change rows written so far. */
  told(): Told;
}

/** Options of {@link createEffect}. */
export interface EffectOptions {
  readonly tx: Transaction;
  readonly origin: Origin;
  readonly scopeOf: ScopeOf;
  readonly validate?: Validate | undefined;
  /** Writes of the ops named in `after`, in order. */
  readonly predecessors?: readonly RowWrite[];
}

interface StoredRow {
  readonly version: number | string;
  readonly data: JsonObject | null;
  /** Milliseconds since the epoch. */
  readonly at: number | string;
}

interface SavedRow extends StoredRow {
  readonly ordinal: number | string;
}

const LOCK_ONE = `
  SELECT version, data, ${MILLISECONDS} FROM holdfast.entity
  WHERE type = $1 AND id = $2 AND tenant = $3 FOR UPDATE`;
const LOCK_MANY = `
  SELECT 1 FROM holdfast.entity e
  JOIN jsonb_to_recordset($1::text::jsonb) AS k(type text, id text)
    ON e.type = k.type COLLATE "C" AND e.id = k.id COLLATE "C" AND e.tenant = $2
  ORDER BY e.type, e.id FOR UPDATE OF e`;
const TELL = `
  INSERT INTO holdfast.change (scope, type, id, version, data, op, rev, client, at)
  SELECT $3, type, id, version, data, $5, $6::bigint, $7, at FROM saved
  RETURNING version, data, ordinal, ${MILLISECONDS}`;
const CREATE = `
  WITH saved AS (
    INSERT INTO holdfast.entity (type, id, scope, version, data, tenant)
    VALUES ($1, $2, $3, 1, $4::text::jsonb, $8)
    ON CONFLICT (tenant, type, id) DO NOTHING RETURNING *
  ) ${TELL}`;
const REPLACE = `
  WITH saved AS (
    UPDATE holdfast.entity SET version = version + 1, data = $4::text::jsonb, at = clock_timestamp()
    WHERE type = $1 AND id = $2 AND tenant = $8 RETURNING *
  ) ${TELL}`;

/** Starts the effect of one op. */
export function createEffect(options: EffectOptions): Effect {
  const { tx, origin, scopeOf, validate } = options;
  const touched = new Map<string, Entity>();
  const told = new Map<string, string[]>();
  const chain = new Map<string, RowWrite>(); // predecessors' writes, then ours on top
  const own = new Set<string>();
  const keyOf = ({ type, id }: { readonly type: string; readonly id: string }): string =>
    JSON.stringify([type, id]);
  for (const write of options.predecessors ?? []) chain.set(keyOf(write), write);

  async function load(type: string, id: string): Promise<Entity | undefined> {
    const [row] = await tx.query<StoredRow>(LOCK_ONE, [type, id, origin.tenant]);
    return row && toEntity(type, id, row);
  }

  /** `undefined` when somebody else created the row in the meantime. */
  async function save(
    change: Change,
    current: Entity | undefined,
    data: JsonObject | undefined,
  ): Promise<Entity | undefined> {
    const { type, id } = change;
    const scope = feedName(origin.tenant, scopeOf(type, id));
    const json = data === undefined ? null : JSON.stringify(data);
    const values = [type, id, scope, json, origin.op, origin.rev, origin.client, origin.tenant];
    const [row] = await tx.query<SavedRow>(current ? REPLACE : CREATE, values);
    if (row === undefined) return undefined;
    const entity = toEntity(type, id, row);
    const before = change.ifVersion ?? linked(change, current)?.before ?? current?.version ?? 0;
    chain.set(keyOf(change), { type, id, before, after: entity.version });
    own.add(keyOf(change));
    told.set(scope, [...(told.get(scope) ?? []), String(row.ordinal)]);
    return entity;
  }

  /** The write of a predecessor, if nobody else wrote the row since. */
  function linked(change: Change, current: Entity | undefined): RowWrite | undefined {
    const write = chain.get(keyOf(change));
    return write !== undefined && write.after === (current?.version ?? 0) ? write : undefined;
  }

  // An op waiting behind its predecessor was sealed with the version before it: that version is as good.
  const versionFits = (change: Change, current: Entity | undefined): boolean =>
    change.ifVersion === undefined ||
    change.ifVersion === (current?.version ?? 0) ||
    change.ifVersion === linked(change, current)?.before;

  function check(change: Change, current: Entity | undefined): Step {
    const live = current?.data ?? undefined;
    switch (change.kind) {
      case 'insert':
        if (live !== undefined)
          return canonicalJson(live) === canonicalJson(change.data)
            ? { step: 'keep' }
            : { step: 'refuse', problem: problem('exists', undefined, { current }) };
        return write(change.data);
      case 'update':
        if (live === undefined)
          return { step: 'refuse', problem: problem('not-found', undefined, current && { current }) };
        return write(merge(live, change.patch, change.unset ?? []));
      case 'delete':
        return live === undefined ? { step: 'keep' } : write(undefined);
    }

    function write(data: JsonObject | undefined): Step {
      if (!versionFits(change, current))
        return { step: 'refuse', problem: problem('version-mismatch', undefined, current && { current }) };
      const detail = validate?.(change, data, {
        subject: origin.subject,
        tenant: origin.tenant,
        current: live,
      });
      return detail === undefined
        ? { step: 'write', data }
        : { step: 'refuse', problem: problem('invalid', detail) };
    }
  }

  return {
    async lock(changes) {
      const keys = changes.map(({ type, id }) => ({ type, id }));
      if (keys.length > 1) await tx.query(LOCK_MANY, [JSON.stringify(keys), origin.tenant]);
    },
    async get(type, id) {
      const row = await load(type, id);
      return row?.data ? row : undefined;
    },
    async apply(change) {
      const { type, id } = change;
      for (;;) {
        const current = await load(type, id);
        const next = check(change, current);
        if (next.step === 'refuse')
          return { accepted: false, problem: { ...next.problem, entity: { type, id } } };
        const entity =
          next.step === 'keep'
            ? (current ?? { type, id, version: 0, data: null })
            : await save(change, current, next.data);
        if (entity === undefined) continue; // created in the meantime: look again
        touched.set(keyOf(change), entity);
        return { accepted: true, entity };
      }
    },
    entities: () => [...touched.values()],
    writes: () => [...chain].filter(([key]) => own.has(key)).map(([, write]) => write),
    told: () => told,
  };
}

const toEntity = (type: string, id: string, { version, data, at }: StoredRow): Entity => ({
  type,
  id,
  version: Number(version),
  data,
  at: Number(at),
});

type Step =
  | { readonly step: 'keep' }
  | { readonly step: 'write'; readonly data: JsonObject | undefined }
  | { readonly step: 'refuse'; readonly problem: Problem };

/** Through a Map and `fromEntries`, which define fields: an assignment to `__proto__` would not. */
function merge(row: JsonObject, patch: JsonObject, unset: readonly string[]): JsonObject {
  const fields = new Map(Object.entries(row));
  for (const [field, value] of Object.entries(patch)) fields.set(field, value);
  for (const field of unset) fields.delete(field);
  return Object.fromEntries(fields);
}
