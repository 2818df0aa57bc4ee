import type { Change } from '../domain/changes.js';
import type { AnyCollection } from '../domain/collection.js';
import { isBuiltIn, migrated, type AnyDefinition } from '../domain/definition.js';
import { isKeyOf, splitKey, type BaseRow, type EntityKey, type Version } from '../domain/entity.js';
import { SyncError } from '../domain/errors.js';
import { renameInVariables, type Ids } from '../domain/identity.js';
import {
  scopeLane,
  touchedKeys,
  type Lane,
  type MutationRecord,
  type Refusal,
  type Token,
} from '../domain/mutation.js';
import { jsonSize, toCloneable, toJson } from '../domain/serialize.js';
import { validate } from '../domain/standardSchema.js';
import { runTransaction, type Effect, type ReadRow, type Transaction } from '../domain/transaction.js';
import { checkCall, type MutateOptions } from './mutateOptions.js';
import { PendingMutation, type Rerun } from './pendingMutation.js';
import type { Clock } from './ports.js';
import { renameRecord } from './renamed.js';
import type { Settlement } from './settlement.js';

/** A call of `mutate`, `insert`, `update` or `delete`. */
export interface Call {
  readonly name: string;
  /** Absent for the client's own `insert`, `update` and `delete`. */
  readonly definition: AnyDefinition | undefined;
  readonly variables: unknown;
  readonly work: (tx: Transaction, variables: unknown) => unknown;
  readonly options: MutateOptions;
}

/** Which mutation a call is: a new one, or one that was refused and is tried again (RT7). */
export interface Identity {
  readonly token: Token;
  readonly rev: number;
  readonly history: readonly Refusal[];
}

/** Makes pending mutations of calls, and of what the storage kept of former ones. */
export interface Caller {
  /** Runs the call on the present view, or on `base`. Throws the caller's error and leaves no trace (ST4); undefined: it changes nothing. */
  begin(
    call: Call,
    identity: Identity,
    settlement: Settlement | undefined,
    base?: ReadRow,
  ): PendingMutation | undefined;
  /** @param since monotonic milliseconds since when it waits here */
  revive(record: MutationRecord, seq: number, place: number, since: number): PendingMutation;
  /** The same mutation with another record: rebased, or changed by another tab. */
  revise(former: PendingMutation, record: MutationRecord): PendingMutation;
}

export interface CallerOptions {
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly ids: Ids;
  readonly read: ReadRow;
  readonly base: (of: Change) => BaseRow | undefined;
  /** The undecided mutation that inserts a row. */
  readonly insertOf: (key: EntityKey) => Token | undefined;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Bytes of JSON that one mutation may have: no more than one request of the transport. */
  readonly maxBytes: number;
}

export function createCaller(options: CallerOptions): Caller {
  const { collections, definitions, ids, read, clock } = options;
  const reruns = new Map<AnyDefinition, Rerun>();
  const all = [...collections.values()];
  const hasReferences = all.some(({ references }) => references.length > 0);
  const hasServerIds = all.some(({ serverIds }) => serverIds);

  function rerunOf(definition: AnyDefinition | undefined): Rerun | undefined {
    if (definition === undefined || isBuiltIn(definition.name)) return undefined;
    let rerun = reruns.get(definition);
    if (rerun === undefined) reruns.set(definition, (rerun = makeRerun(definition)));
    return rerun;
  }

  function makeRerun(definition: AnyDefinition): Rerun {
    const encode = encodeOf(definition);
    const recipe: Call['work'] = (tx, variables) => definition.optimistic(tx, variables);
    return (variables, base, former) => {
      try {
        return runTransaction(base, collections, encode, ids, recipe, variables);
      } catch {
        // On this base it has no effect: its row is gone, say. The server decides what becomes of it.
        return { changes: [], touched: former.touched };
      }
    };
  }

  /** What it needs is accepted first: what it says, and the inserts of rows it refers to, declared as references (ID1). */
  function prerequisites(named: readonly Token[], effect: Effect): readonly Token[] {
    if (named.length === 0 && !hasReferences) return NONE;
    const tokens = new Set(named);
    for (const change of effect.changes) {
      const references = collections.get(change.collection)?.references;
      if (references === undefined || change.kind === 'delete') continue;
      const fields = change.kind === 'insert' ? change.row : change.patch;
      for (const [field, target] of references) {
        const id = Object.hasOwn(fields, field) ? fields[field] : undefined;
        const token = typeof id === 'string' ? options.insertOf(`${target}/${id}`) : undefined;
        if (token !== undefined) tokens.add(token);
      }
    }
    return tokens.size === 0 ? NONE : [...tokens];
  }

  const versionNow = (change: Change): Version | undefined => {
    const row = options.base(change);
    return row === undefined ? 0 : row.version;
  };

  const closes = (changes: Effect['changes']): boolean =>
    hasServerIds &&
    changes.some(({ kind, collection }) => kind === 'insert' && collections.get(collection)?.serverIds);

  let calledAt = NaN;
  let since = 0;
  /** Asked for once per millisecond: a browser takes a while to tell it. */
  function sinceOf(createdAt: number): number {
    if (createdAt !== calledAt) since = clock.monotonic();
    calledAt = createdAt;
    return since;
  }

  function sendAt({ createdAt, sendAfter }: MutationRecord): number {
    if (sendAfter === undefined) return 0;
    // The wall clock may have jumped: never wait longer than was asked for.
    const left = Math.min(Math.max(createdAt + sendAfter - clock.now(), 0), sendAfter);
    return clock.monotonic() + left;
  }

  /** Its lanes tell what it read, too: on another base it may do what it did not do then. */
  function touchedBy({ changes, lanes }: MutationRecord): readonly EntityKey[] {
    if (changes.length === 1 && lanes.length === 1 && isKeyOf(lanes[0] as Lane, changes[0] as Change))
      return lanes;
    const written = touchedKeys(changes);
    return [...new Set([...written, ...lanes.filter((lane) => collections.has(splitKey(lane).collection))])];
  }

  function revive(raw: MutationRecord, seq: number, place: number, since: number): PendingMutation {
    // A tab that did not know yet may have stored an id that the server had replaced (ID1).
    const stored = renameRecord(raw, ids, collections);
    const definition = definitions.get(stored.name);
    const read = isBuiltIn(stored.name) ? stored : readVariables(stored, definition);
    const parked = read instanceof SyncError ? read : undefined;
    const record = read instanceof SyncError ? stored : read;
    const live = parked === undefined ? definition : undefined;
    return new PendingMutation({
      record,
      effect: { changes: record.changes, touched: touchedBy(record) },
      definition: live,
      parked,
      run: record.resolved === true ? undefined : rerunOf(live),
      closing: closes(record.changes),
      settlement: undefined,
      since,
      sendAt: sendAt(record),
      stored: { seq, place },
    });
  }

  return {
    begin({ name, definition, variables: given, work, options: asked }, identity, settlement, base = read) {
      const checked = definition?.schema ? validate(definition.schema, given, `"${name}"`) : given;
      // Those of a built-in mutation are not kept, and an undefined field means something in them.
      const encodeVariables = definition?.command === true ? toJson : toCloneable;
      const variables = isBuiltIn(name)
        ? checked
        : renameInVariables(encodeVariables(checked, `the variables of "${name}"`), ids);
      const { priority, named, scope, sendAfter, meta } = checkCall(name, definition, variables, asked);
      const effect = runTransaction(base, collections, encodeOf(definition), ids, work, variables);
      const sendsAnyway = definition?.mutationFn !== undefined || definition?.command === true;
      if (effect.changes.length === 0 && !sendsAnyway) return undefined;
      if (definition?.mutationFn === undefined) checkSize(name, effect, options.maxBytes);
      // What it read counts like what it wrote: another outcome there would give it another meaning (ST3).
      const lanes = scope === undefined ? effect.touched : [...effect.touched, scopeLane(scope)];
      const createdAt = clock.now();
      const record: { -readonly [F in keyof MutationRecord]: MutationRecord[F] } = {
        token: identity.token,
        rev: identity.rev,
        name,
        schema: definition?.version ?? 1,
        variables: isBuiltIn(name) ? undefined : variables,
        changes: effect.changes,
        lanes: lanes.length > 0 ? lanes : [`token:${identity.token}`],
        priority,
        dependsOn: prerequisites(named, effect),
        createdAt,
        versions: isBuiltIn(name) ? effect.changes.map(versionNow) : undefined,
      };
      if (sendAfter !== undefined) record.sendAfter = sendAfter;
      if (identity.history.length > 0) record.history = identity.history;
      if (meta !== undefined) record.meta = toCloneable(meta, `the meta of "${name}"`);
      return new PendingMutation({
        record,
        effect,
        definition,
        parked: undefined,
        run: rerunOf(definition),
        closing: closes(effect.changes),
        settlement,
        since: sinceOf(createdAt),
        sendAt: sendAt(record),
      });
    },
    revive,
    revise(former, record) {
      const next = revive(record, former.seq, former.place, clock.monotonic());
      next.settlement = former.settlement;
      next.phase = former.phase.kind === 'saving' ? former.phase : next.phase;
      next.single = former.single;
      next.cancelling = former.cancelling;
      return next;
    },
  };
}

/** Shared by the thousands that depend on nothing. */
const NONE: readonly Token[] = [];

/** What is sent as JSON must be JSON; what is sent by its own function may be anything that can be cloned (OB6). */
function encodeOf(definition: AnyDefinition | undefined): typeof toJson {
  return definition?.mutationFn === undefined ? toJson : toCloneable;
}

/** The record with variables as its definition now takes them, or why it has to wait for another version of the app (OB8). */
function readVariables(
  record: MutationRecord,
  definition: AnyDefinition | undefined,
): MutationRecord | SyncError {
  if (definition === undefined || record.schema > definition.version)
    return new SyncError(
      'HANDLER_MISSING',
      `"${record.name}" (version ${record.schema}) is stored, but this client has no definition for it; it is kept until one is passed to createSyncClient({ mutations }).`,
    );
  const variables = migrated(definition, record.variables, record.schema);
  if (variables instanceof SyncError) return variables;
  return variables.value === record.variables
    ? record
    : { ...record, variables: variables.value, schema: definition.version };
}

function checkSize(name: string, effect: Effect, maxBytes: number): void {
  let size = 0;
  for (const change of effect.changes)
    if (change.kind !== 'delete')
      size += jsonSize(change.kind === 'insert' ? change.row : change.patch, maxBytes);
  if (size > maxBytes)
    throw new SyncError(
      'TOO_LARGE',
      `"${name}" has more than ${maxBytes} bytes, which is what one request may carry. Split it, or send large content by a mutationFn of its own.`,
      { details: { maxBytes } },
    );
}
