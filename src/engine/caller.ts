import type { AnyCollection } from '../domain/collection.js';
import { isBuiltIn, type AnyDefinition } from '../domain/definition.js';
import { touchedKeys } from '../domain/mutation.js';
import { splitKey } from '../domain/entity.js';
import { describe, SyncError } from '../domain/errors.js';
import { scopeLane, PRIORITIES, type MutationRecord, type Priority, type Token } from '../domain/mutation.js';
import { jsonSize, toCloneable, toJson } from '../domain/serialize.js';
import { validate } from '../domain/standardSchema.js';
import { runTransaction, type Effect, type ReadRow, type Transaction } from '../domain/transaction.js';
import { PendingMutation } from './pendingMutation.js';
import type { Settlement } from './settlement.js';

export interface MutateOptions {
  readonly priority?: Priority;
  /** Tokens that must be accepted before this one is sent. */
  readonly dependsOn?: readonly Token[];
  /** Mutations of one scope are sent in order, whatever they touch. @default the definition's */
  readonly scope?: string;
  /** Anything that can be cloned; kept with the mutation. */
  readonly meta?: unknown;
}

/** A call of `mutate`, `insert`, `update` or `delete`. */
export interface Call {
  readonly name: string;
  /** Absent for the client's own `insert`, `update` and `delete`. */
  readonly definition: AnyDefinition | undefined;
  readonly variables: unknown;
  readonly work: (tx: Transaction, variables: unknown) => unknown;
  readonly options: MutateOptions;
}

/** Makes pending mutations of calls, and of what the storage kept of former ones. */
export interface Caller {
  /** Runs the call on the present view. Throws the caller's error and leaves no trace (ST4); undefined: it changes nothing. */
  begin(call: Call, token: Token, settlement: Settlement): PendingMutation | undefined;
  revive(record: MutationRecord, seq: number, place: number): PendingMutation;
}

export interface CallerOptions {
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly read: ReadRow;
  readonly now: () => number;
  /** Bytes of JSON that one mutation may have: no more than one request of the transport. */
  readonly maxBytes: number;
}

export function createCaller({ collections, definitions, read, now, maxBytes }: CallerOptions): Caller {
  /** What is sent as JSON must be JSON; what is sent by its own function may be anything that can be cloned (OB6). */
  const encodeOf = (definition: AnyDefinition | undefined): typeof toJson =>
    definition?.mutationFn === undefined ? toJson : toCloneable;

  function rerunOf(
    definition: AnyDefinition | undefined,
    variables: unknown,
    recorded: Effect,
  ): PendingMutation['rerun'] {
    if (definition === undefined || isBuiltIn(definition.name)) return undefined;
    const encode = encodeOf(definition);
    return (base) => {
      try {
        return runTransaction(base, collections, encode, (tx) => definition.optimistic(tx, variables));
      } catch {
        // On this base it has no effect: its row is gone, say. The server decides what becomes of it.
        return { changes: [], touched: recorded.touched };
      }
    };
  }

  return {
    begin({ name, definition, variables: given, work, options }, token, settlement) {
      const { priority = definition?.priority ?? 'normal', dependsOn = NONE, scope, meta } = options;
      if (!PRIORITIES.includes(priority))
        throw new SyncError(
          'INVALID_OPTIONS',
          `priority is one of ${PRIORITIES.join(', ')}, received ${describe(priority)}.`,
        );
      if (!Array.isArray(dependsOn) || dependsOn.some((t) => typeof t !== 'string'))
        throw new SyncError(
          'INVALID_OPTIONS',
          `dependsOn is an array of tokens, received ${describe(dependsOn)}.`,
        );
      if (scope !== undefined && typeof scope !== 'string')
        throw new SyncError('INVALID_OPTIONS', `scope is a string, received ${describe(scope)}.`);
      const checked = definition?.schema ? validate(definition.schema, given, `"${name}"`) : given;
      // Those of a built-in mutation are not kept, and an undefined field means something in them.
      const encodeVariables = definition?.command === true ? toJson : toCloneable;
      const variables = isBuiltIn(name) ? checked : encodeVariables(checked, `the variables of "${name}"`);
      const effect = runTransaction(read, collections, encodeOf(definition), (tx) => work(tx, variables));
      const sendsAnyway = definition?.mutationFn !== undefined || definition?.command === true;
      if (effect.changes.length === 0 && !sendsAnyway) return undefined;
      if (definition?.mutationFn === undefined) checkSize(name, effect, maxBytes);
      const inScope = scope ?? definition?.scope?.(variables);
      // What it read counts like what it wrote: another outcome there would give it another meaning (ST3).
      const lanes = inScope === undefined ? effect.touched : [...effect.touched, scopeLane(inScope)];
      const bare: MutationRecord = {
        token,
        rev: 0,
        name,
        schema: definition?.version ?? 1,
        variables: isBuiltIn(name) ? undefined : variables,
        changes: effect.changes,
        lanes: lanes.length > 0 ? lanes : [`token:${token}`],
        priority,
        dependsOn,
        createdAt: now(),
      };
      const record =
        meta === undefined ? bare : { ...bare, meta: toCloneable(meta, `the meta of "${name}"`) };
      return new PendingMutation({
        record,
        effect,
        definition,
        parked: false,
        rerun: rerunOf(definition, variables, effect),
        settlement,
      });
    },

    revive(record, seq, place) {
      const definition = definitions.get(record.name);
      const parked =
        !isBuiltIn(record.name) && (definition === undefined || record.schema > definition.version);
      // Its lanes tell what it read, too: on another base it may do what it did not do then.
      const read = record.lanes.filter((lane) => collections.has(splitKey(lane).collection));
      const touched = [...new Set([...touchedKeys(record.changes), ...read])];
      const effect: Effect = { changes: record.changes, touched };
      const live = parked ? undefined : definition;
      return new PendingMutation({
        record,
        effect,
        definition: live,
        parked,
        rerun: rerunOf(live, record.variables, effect),
        settlement: undefined,
        stored: { seq, place },
      });
    },
  };
}

/** Shared by the thousands that depend on nothing. */
const NONE: readonly Token[] = [];

function checkSize(name: string, effect: Effect, maxBytes: number): void {
  const size = jsonSize(effect.changes, maxBytes);
  if (size > maxBytes)
    throw new SyncError(
      'TOO_LARGE',
      `"${name}" has more than ${maxBytes} bytes, which is what one request may carry. Split it, or send large content by a mutationFn of its own.`,
      { details: { maxBytes } },
    );
}

export function handlerMissing({ record }: PendingMutation): SyncError {
  return new SyncError(
    'HANDLER_MISSING',
    `"${record.name}" (version ${record.schema}) is stored, but this client has no definition for it; it is kept until one is passed to createSyncClient({ mutations }).`,
  );
}
