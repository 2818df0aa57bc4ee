import { rowChecksum } from '../domain/checksum.js';
import { feedName, type Caller } from './caller.js';
import { canonicalJson } from './canonicalJson.js';
import { problem } from './problem.js';
import type { Change, Entity, JsonObject, Problem } from './protocol.js';
import { keyOf, type RowKey, type RowStep, type WorkingRows } from './workingRows.js';

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

/** The rows one op reads and writes. It changes nothing: what it wrote is kept only when the op is accepted. */
export interface Effect {
  /** The row, locked until the transaction ends; `undefined` when there is none (tombstones included). */
  get(type: string, id: string): Promise<Entity | undefined>;
  /** Checks and writes. A refused change has written nothing. */
  apply(change: Change): Promise<ChangeOutcome>;
  /** Rows touched so far, as they are now. */
  entities(): readonly Entity[];
  writes(): readonly RowWrite[];
  /** What was written so far. */
  steps(): readonly RowStep[];
}

/** Options of {@link createEffect}. */
export interface EffectOptions {
  readonly rows: WorkingRows;
  readonly origin: Origin;
  readonly part: number;
  readonly scopeOf: ScopeOf;
  readonly validate?: Validate | undefined;
  /** Writes of the ops named in `after` and `follows`. */
  readonly predecessors?: readonly RowWrite[];
}

/** Starts the effect of one op. */
export function createEffect({
  rows,
  origin,
  part,
  scopeOf,
  validate,
  predecessors = [],
}: EffectOptions): Effect {
  const touched = new Map<string, Entity>();
  const written = new Map<string, Entity>();
  const steps: RowStep[] = [];
  // The newest of the predecessors' writes, in whatever order these are named, then ours on top.
  const chain = new Map<string, RowWrite>();
  for (const write of predecessors)
    if (write.after > (chain.get(keyOf(write))?.after ?? 0)) chain.set(keyOf(write), write);

  async function load(key: RowKey): Promise<Entity | undefined> {
    await rows.lock([key]);
    return written.get(keyOf(key)) ?? rows.get(key);
  }

  function save(change: Change, current: Entity | undefined, data: JsonObject | undefined): Entity {
    const { type, id } = change;
    const version = (current?.version ?? 0) + 1;
    const entity: Entity = { type, id, version, data: data ?? null, at: rows.now };
    const before = change.ifVersion ?? linked(change, current)?.before ?? current?.version ?? 0;
    chain.set(keyOf(change), { type, id, before, after: version });
    written.set(keyOf(change), entity);
    const scope = feedName(origin.tenant, scopeOf(type, id));
    steps.push({ entity, scope, origin, part, ...difference(current, entity) });
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
    async get(type, id) {
      const row = await load({ type, id });
      return row?.data ? row : undefined;
    },
    async apply(change) {
      const { type, id } = change;
      const current = await load(change);
      const next = check(change, current);
      if (next.step === 'refuse')
        return { accepted: false, problem: { ...next.problem, entity: { type, id } } };
      const entity =
        next.step === 'keep'
          ? (current ?? { type, id, version: 0, data: null })
          : save(change, current, next.data);
      touched.set(keyOf(change), entity);
      return { accepted: true, entity };
    },
    entities: () => [...touched.values()],
    writes: () => [...chain].filter(([key]) => written.has(key)).map(([, write]) => write),
    steps: () => steps,
  };
}

/** What the write does to the sums of its scope. */
function difference(before: Entity | undefined, after: Entity): Pick<RowStep, 'rows' | 'checksum'> {
  const rows = (row: Entity | undefined): number => (row === undefined || row.data === null ? 0 : 1);
  const checksum = (row: Entity | undefined): number =>
    row === undefined || row.data === null ? 0 : rowChecksum(row.type, row.id, row.version);
  return { rows: rows(after) - rows(before), checksum: checksum(after) - checksum(before) };
}

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
