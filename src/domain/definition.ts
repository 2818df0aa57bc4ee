import type { Change } from './changes.js';
import type { Collection } from './collection.js';
import { checkStrategy, type AnyConflictStrategy } from './conflictStrategy.js';
import { describe, SyncError } from './errors.js';
import type { AssignedId } from './identity.js';
import { PRIORITIES, type Priority, type Token } from './mutation.js';
import type { StandardSchema } from './standardSchema.js';
import type { Transaction } from './transaction.js';

export interface MutationFnContext {
  readonly signal: AbortSignal;
  /** `token.rev`; the same at every attempt. Send it as `Idempotency-Key`. */
  readonly idempotencyKey: string;
  /** 1 for the first send since start-up. */
  readonly attempt: number;
  /** The effect as it was when the mutation was first sent; the same at every attempt. */
  readonly changes: readonly Change[];
}

export interface DefinitionOptions<V, R> {
  /** Stored with every mutation, so it must stay the same. Must not begin with `@`. */
  readonly name: string;
  /** The effect that shows at once. Pure and synchronous: it is re-run on every new base and after a reload (ST3). */
  readonly optimistic: (tx: Transaction, variables: V) => void;
  /** Sends the mutation through your own API. Without it the transport sends the changes (MU7). */
  readonly mutationFn?: (variables: V, context: MutationFnContext) => Promise<R>;
  /** Send `{name, variables}` as a command that the server carries out, instead of the changes. @default false */
  readonly command?: boolean;
  /** @default 'normal' */
  readonly priority?: Priority;
  /** Mutations of one scope are sent in order, whatever they touch. */
  readonly scope?: string | ((variables: V) => string);
  /** Tokens of earlier mutations that must be accepted first (SC4). */
  readonly dependsOn?: (variables: V) => readonly Token[];
  /**
   * Merges two unsent mutations of this name on the same rows into one with these variables, which must mean the same
   * as both in a row; `'annul'`: together they mean nothing; undefined: they go one by one. Pure and synchronous (CO4).
   */
  readonly coalesce?: (older: V, newer: V) => V | 'annul' | undefined;
  /**
   * What a refusal does to the value on the screen: `'rollback'` takes it back; `'hold'` keeps it, as one that needs
   * attention, until it is repaired or discarded (RT7). @default 'rollback'
   */
  readonly onRejected?: 'rollback' | 'hold';
  /** Who prevails where another has changed the same thing of a row; instead of what its collection says (CF2). */
  readonly conflict?: AnyConflictStrategy;
  /** Variables that undo what `variables` did, for a mutation that the changes alone do not tell how to undo (MU4). */
  readonly inverse?: (variables: V, changes: readonly Change[]) => V;
  /** The ids that the server has given to rows inserted here, read from what `mutationFn` resolved to (ID1). */
  readonly assignedIds?: (result: R, variables: V) => readonly AssignedId[];
  /** Checks variables at the call (MU8). Synchronous. */
  readonly schema?: StandardSchema<unknown, V>;
  /** Of the variables' shape. @default 1 */
  readonly version?: number;
  /** Brings variables that an older version of the app has stored to the present shape (OB8). Pure and synchronous. */
  readonly migrate?: (variables: unknown, fromVersion: number) => V;
}

/** A named mutation. A plain value: defining one connects nothing. */
export interface Definition<V, R = unknown> {
  readonly name: string;
  readonly optimistic: (tx: Transaction, variables: V) => unknown;
  readonly mutationFn: ((variables: V, context: MutationFnContext) => Promise<R>) | undefined;
  readonly command: boolean;
  readonly priority: Priority;
  readonly scope: ((variables: V) => string) | undefined;
  readonly dependsOn: ((variables: V) => readonly Token[]) | undefined;
  readonly coalesce: ((older: V, newer: V) => V | 'annul' | undefined) | undefined;
  readonly onRejected: 'rollback' | 'hold';
  readonly conflict: AnyConflictStrategy | undefined;
  readonly inverse: ((variables: V, changes: readonly Change[]) => V) | undefined;
  // Bivariant in R, as a method is: where a definition is only kept, its result does not matter.
  readonly assignedIds: { read(result: R, variables: V): readonly AssignedId[] }['read'] | undefined;
  readonly schema: StandardSchema<unknown, V> | undefined;
  readonly version: number;
  readonly migrate: ((variables: unknown, fromVersion: number) => V) | undefined;
}

/** Any definition, where its variables do not matter. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- Definition is contravariant in its variables
export type AnyDefinition = Definition<any, any>;

/**
 * Defines a mutation.
 * @example
 * const renameTodo = defineMutation({
 *   name: 'renameTodo',
 *   optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, (draft) => { draft.title = v.title }),
 * })
 */
export function defineMutation<V = void, R = unknown>(options: DefinitionOptions<V, R>): Definition<V, R> {
  const {
    name,
    optimistic,
    mutationFn,
    command = false,
    priority = 'normal',
    scope,
    onRejected = 'rollback',
    schema,
    version = 1,
  } = options;
  const bad = (what: string, value: unknown): never => {
    throw new SyncError(
      'INVALID_OPTIONS',
      `defineMutation(${describe(name)}): ${what}, received ${describe(value)}.`,
    );
  };
  if (typeof name !== 'string' || name === '' || name.length > 128 || name.startsWith('@'))
    bad('name must be 1 to 128 characters and not begin with "@"', name);
  if (typeof optimistic !== 'function') bad('optimistic must be a function of (tx, variables)', optimistic);
  for (const option of FUNCTIONS)
    if (options[option] !== undefined && typeof options[option] !== 'function')
      bad(`${option} must be a function`, options[option]);
  if (!['string', 'function', 'undefined'].includes(typeof scope))
    bad('scope must be a name or a function of the variables', scope);
  if (!['rollback', 'hold'].includes(onRejected)) bad("onRejected must be 'rollback' or 'hold'", onRejected);
  checkStrategy(`defineMutation(${describe(name)})`, options.conflict);
  if (!PRIORITIES.includes(priority)) bad(`priority must be one of ${PRIORITIES.join(', ')}`, priority);
  if (!Number.isSafeInteger(version) || version < 1) bad('version must be a positive integer', version);
  if (mutationFn !== undefined && command)
    bad('command is for the transport; leave it out with a mutationFn', command);
  return {
    name,
    optimistic,
    mutationFn,
    command,
    priority,
    scope: typeof scope === 'string' ? () => scope : scope,
    dependsOn: options.dependsOn,
    coalesce: options.coalesce,
    onRejected,
    conflict: options.conflict,
    inverse: options.inverse,
    assignedIds: options.assignedIds,
    schema,
    version,
    migrate: options.migrate,
  };
}

const FUNCTIONS = ['mutationFn', 'dependsOn', 'coalesce', 'inverse', 'assignedIds', 'migrate'] as const;

const builtIn = <V>(name: string, optimistic: (tx: Transaction, variables: V) => void): Definition<V> => ({
  name,
  optimistic,
  mutationFn: undefined,
  command: false,
  priority: 'normal',
  scope: undefined,
  dependsOn: undefined,
  coalesce: undefined,
  onRejected: 'rollback',
  conflict: undefined,
  inverse: undefined,
  assignedIds: undefined,
  schema: undefined,
  version: 1,
  migrate: undefined,
});

/** The built-in mutation that inserts a row. */
export function insert<T extends object>(collection: Collection<T>): Definition<T> {
  return builtIn('@insert', (tx, row) => tx.insert(collection, row));
}

/** The built-in mutation that sets fields of a row; an undefined field is removed. */
export function update<T extends object>(
  collection: Collection<T>,
): Definition<{ readonly id: string; readonly patch: Partial<T> }> {
  return builtIn('@update', (tx, { id, patch }) => tx.update(collection, id, patch));
}

/** The built-in mutation that deletes a row by its id. */
export function remove<T extends object>(collection: Collection<T>): Definition<string> {
  return builtIn('@delete', (tx, id) => tx.delete(collection, id));
}

export const isBuiltIn = (name: string): boolean => name[0] === '@';

/** What the definition makes of variables that version `from` of it has stored (OB8). */
export function migrated(
  { name, version, migrate }: AnyDefinition,
  variables: unknown,
  from: number,
): { readonly value: unknown } | SyncError {
  if (migrate === undefined || from >= version) return { value: variables };
  const failed = (what: string, cause?: unknown): SyncError =>
    new SyncError(
      'MIGRATION_FAILED',
      `"${name}": its migrate ${what} for stored variables of version ${from}; they are kept as they were until a version of the app can read them.`,
      { cause },
    );
  try {
    const value: unknown = migrate(variables, from);
    if (typeof value !== 'object' || value === null || !('then' in value)) return { value };
    void Promise.resolve(value as PromiseLike<unknown>).catch(() => undefined);
    return failed('returned a promise; it must be synchronous');
  } catch (cause) {
    return failed(`threw ${describe(cause)}`, cause);
  }
}
