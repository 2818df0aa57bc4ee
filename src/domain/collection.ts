import { checkStrategy, type ConflictStrategy } from './conflictStrategy.js';
import { checkId, type Row } from './entity.js';
import { describe, SyncError } from './errors.js';
import type { StandardSchema } from './standardSchema.js';

export interface CollectionOptions<T extends object> {
  /** Stored with every row and mutation, so it must stay the same: letters, digits, `_`, `-`, `.`; at most 128. */
  readonly name: string;
  /** The field that holds the id, or a function from a row to its id. Ids are strings. */
  readonly key: (keyof T & string) | ((row: T) => string);
  /** Checks rows when they are inserted. {@link https://standardschema.dev Standard Schema v1}, synchronous. */
  readonly schema?: StandardSchema;
  /**
   * The server gives its own ids to inserted rows. Whatever needs a new row then waits for its answer, and carries the
   * server's id from there on (ID1).
   * @default false
   */
  readonly serverIds?: boolean;
  /** Fields that hold the id of a row of another collection, by name: `{ parentId: 'todos' }` (ID1). */
  readonly references?: { readonly [F in keyof T & string]?: string };
  /**
   * Who prevails where this client and another have changed the same thing of a row (CF2).
   * @default 'lastWriteWins'
   */
  readonly conflict?: ConflictStrategy<T>;
  /** Fields that are left out of every record that is kept of what happened: the audit trail and its events (LF2). */
  readonly redact?: readonly (keyof T & string)[];
}

/** A named set of rows. A plain value: defining one connects nothing. */
export interface Collection<T extends object> {
  readonly name: string;
  /** The id of a row; throws `INVALID_ID` or `INVALID_ROW` when it has none. */
  readonly idOf: (row: T) => string;
  readonly keyField: string | undefined;
  readonly schema: StandardSchema | undefined;
  readonly serverIds: boolean;
  /** Pairs of a field and the collection whose ids it holds. */
  readonly references: readonly (readonly [field: string, collection: string])[];
  readonly conflict: ConflictStrategy<T>;
  readonly redact: readonly string[];
  /** Carries the row type for inference; never set. */
  readonly $row?: T;
}

/** Any collection, where its row type does not matter. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- Collection is invariant in its row (idOf takes it)
export type AnyCollection = Collection<any>;

/** The row of a collection. */
export type RowOf<C extends AnyCollection> = C extends Collection<infer T> ? T : never;

const NAME = /^[\w.-]{1,128}$/;

/**
 * Defines a collection.
 * @example
 * const todos = defineCollection<Todo>({ name: 'todos', key: 'id' })
 */
export function defineCollection<T extends object>(options: CollectionOptions<T>): Collection<T> {
  const { name, key, schema, serverIds = false, references = {}, redact = [] } = options;
  const bad = (must: string, received: unknown): never => {
    throw new SyncError(
      'INVALID_OPTIONS',
      `defineCollection("${name}"): ${must}, received ${describe(received)}.`,
    );
  };
  if (typeof name !== 'string' || !NAME.test(name))
    bad('name must be 1 to 128 letters, digits, "_", "-" or "."', name);
  if (typeof key !== 'string' && typeof key !== 'function')
    bad('key must be a field name or a function of a row', key);
  const idOf = (row: T): string => {
    if (typeof row !== 'object' || (row as unknown) === null || Array.isArray(row))
      throw new SyncError('INVALID_ROW', `${name}: a row is a plain object, received ${describe(row)}.`);
    const id: unknown = typeof key === 'function' ? key(row) : (row as Row)[key];
    if (id === undefined)
      throw new SyncError(
        'INVALID_ROW',
        `${name}: the row has no ${typeof key === 'function' ? 'key' : `"${key}"`}; received fields ${Object.keys(row).join(', ') || '(none)'}.`,
      );
    checkId(name, id);
    return id;
  };
  for (const [field, target] of Object.entries<unknown>(references))
    if (typeof target !== 'string' || !NAME.test(target))
      bad(`references.${field} must name a collection`, target);
  if (!Array.isArray(redact) || redact.some((field: unknown) => typeof field !== 'string'))
    bad('redact must be a list of field names', redact);
  checkStrategy(`defineCollection("${name}")`, options.conflict);
  return {
    name,
    idOf,
    keyField: typeof key === 'string' ? key : undefined,
    schema,
    serverIds,
    references: Object.entries<string>(references),
    conflict: options.conflict ?? 'lastWriteWins',
    redact,
  };
}
