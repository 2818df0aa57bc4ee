import type { Change } from './changes.js';
import type { Collection } from './collection.js';
import { describe, SyncError } from './errors.js';
import { PRIORITIES, type Priority } from './mutation.js';
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
  /** Checks variables at the call (MU8). Synchronous. */
  readonly schema?: StandardSchema<unknown, V>;
  /** Of the variables' shape. @default 1 */
  readonly version?: number;
}

/** A named mutation. A plain value: defining one connects nothing. */
export interface Definition<V, R = unknown> {
  readonly name: string;
  readonly optimistic: (tx: Transaction, variables: V) => unknown;
  readonly mutationFn: ((variables: V, context: MutationFnContext) => Promise<R>) | undefined;
  readonly command: boolean;
  readonly priority: Priority;
  readonly scope: ((variables: V) => string) | undefined;
  readonly schema: StandardSchema<unknown, V> | undefined;
  readonly version: number;
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
  if (mutationFn !== undefined && typeof mutationFn !== 'function')
    bad('mutationFn must be a function', mutationFn);
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
    schema,
    version,
  };
}

const builtIn = <V>(name: string, optimistic: (tx: Transaction, variables: V) => void): Definition<V> => ({
  name,
  optimistic,
  mutationFn: undefined,
  command: false,
  priority: 'normal',
  scope: undefined,
  schema: undefined,
  version: 1,
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

export const isBuiltIn = (name: string): boolean => name.startsWith('@');
