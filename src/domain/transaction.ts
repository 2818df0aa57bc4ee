import { createDraft, finishDraft, type Draft } from 'immer';
import { diff, withFields, type Change } from './changes.js';
import type { AnyCollection, Collection } from './collection.js';
import { checkId, entityKey, type EntityKey, type Row } from './entity.js';
import { describe, SyncError } from './errors.js';
import { renameInChange, type Ids } from './identity.js';
import { validate } from './standardSchema.js';

/** What `optimistic` may do. Reads see the view, and the transaction's own writes. */
export interface Transaction {
  get<T extends object>(collection: Collection<T>, id: string): T | undefined;
  /** Throws `ENTITY_EXISTS` when the id is taken, `INVALID_ROW` when the row has no key. */
  insert<T extends object>(collection: Collection<T>, row: T): void;
  /** Edits a draft of the row, or merges fields into it (an undefined field is removed). Throws `ENTITY_NOT_FOUND`. */
  update<T extends object>(
    collection: Collection<T>,
    id: string,
    edit: ((draft: Draft<T>) => void) | Partial<T>,
  ): void;
  /** Throws `ENTITY_NOT_FOUND`. */
  delete(collection: AnyCollection, id: string): void;
}

export type ReadRow = (key: EntityKey) => Row | undefined;

/** Makes a private, storable copy of a value: `toJson` or `toCloneable`. */
export type Encode = <T>(value: T, what: string) => T;

/** What a mutation did, and every entity it read or wrote: its meaning depends on those only. */
export interface Effect {
  readonly changes: readonly Change[];
  readonly touched: readonly EntityKey[];
}

interface Touched {
  readonly collection: string;
  readonly id: string;
  readonly before: Row | undefined;
  after: Row | undefined;
  /** Whether `after` holds private copies only: of drafts, which live as long as their recipe, too. */
  encoded: boolean;
  /** The fields that may have changed, where that is known. */
  among: readonly string[] | undefined;
}

/**
 * Runs `work` over `read` and returns its net effect per entity, in the order first touched, encoded for storage. Atomic: if it throws,
 * there is no effect. It must be synchronous: a promise cannot be re-run on a new base (ST4). Ids that the server has
 * replaced may be used as before (ID1).
 */
export function runTransaction(
  read: ReadRow,
  collections: ReadonlyMap<string, AnyCollection>,
  encode: Encode,
  work: (tx: Transaction) => unknown,
  ids?: Ids,
): Effect {
  const touched = new Map<EntityKey, Touched>();
  const at = (collection: AnyCollection, given: unknown): Touched => {
    const { name } = collection;
    if (!collections.has(name))
      throw new SyncError(
        'UNKNOWN_COLLECTION',
        `"${name}" is not a collection of this client; it knows ${[...collections.keys()].join(', ') || 'none'}.`,
      );
    checkId(name, given);
    const id = ids?.resolve(name, given) ?? given;
    const key = entityKey(name, id);
    let entry = touched.get(key);
    if (entry === undefined) {
      const before = read(key);
      entry = { collection: name, id, before, after: before, encoded: true, among: undefined };
      touched.set(key, entry);
    }
    return entry;
  };
  const existing = (collection: AnyCollection, id: unknown): Touched & { after: Row } => {
    const entry = at(collection, id);
    if (entry.after === undefined)
      throw new SyncError('ENTITY_NOT_FOUND', `${entry.collection} has no row "${entry.id}".`);
    return entry as Touched & { after: Row };
  };
  const tx: Transaction = {
    get: <T extends object>(collection: Collection<T>, id: string) =>
      at(collection, id).after as T | undefined,
    insert(collection, row) {
      const entry = at(collection, collection.idOf(row));
      if (entry.after !== undefined)
        throw new SyncError('ENTITY_EXISTS', `${entry.collection} already has a row "${entry.id}".`);
      const what = `${collection.name} "${entry.id}"`;
      entry.after = encode((collection.schema ? validate(collection.schema, row, what) : row) as Row, what);
      entry.among = undefined;
    },
    update<T extends object>(
      collection: Collection<T>,
      id: string,
      edit: ((draft: Draft<T>) => void) | Partial<T>,
    ) {
      const entry = existing(collection, id);
      const what = `${collection.name} "${entry.id}"`;
      const isRecipe = typeof edit === 'function';
      const next = isRecipe
        ? editDraft(entry.after, edit as (draft: unknown) => unknown, what)
        : mergeFields(entry.after, edit, encode, what);
      if (next !== entry.after && collection.idOf(next as T) !== entry.id)
        throw new SyncError(
          'INVALID_ROW',
          `${what}: an update must not change the row's key; delete it and insert another.`,
        );
      entry.among = isRecipe || entry.after !== entry.before ? undefined : Object.keys(edit);
      entry.after = next;
      if (isRecipe) entry.encoded = false;
    },
    delete(collection, id) {
      (existing(collection, id) as Touched).after = undefined;
    },
  };
  refusePromise(work(tx), 'optimistic');
  // No array here grows by `push`: one that did has room for 17, and thousands of these are kept.
  const made = [...touched.values()].map((entry) => changeOf(entry, encode));
  const all = made.every((change) => change !== undefined)
    ? made
    : made.filter((change) => change !== undefined).slice();
  return {
    changes: ids === undefined ? all : all.map((change) => renameInChange(change, ids, collections)),
    touched: [...touched.keys()],
  };
}

function changeOf(
  { collection, id, before, after, encoded, among }: Touched,
  encode: Encode,
): Change | undefined {
  const change = diff(collection, id, before, after, among);
  return encoded || change === undefined ? change : encodeChange(change, encode);
}

function encodeChange(change: Change, encode: Encode): Change {
  const what = `${change.collection} "${change.id}"`;
  switch (change.kind) {
    case 'insert':
      return { ...change, row: encode(change.row, what) };
    case 'update':
      return { ...change, patch: encode(change.patch, what) };
    case 'delete':
      return change;
  }
}

// What a recipe returns is ignored, so that `(draft) => (draft.n += 1)` means what it says; but one that returns
// a new row instead of editing the draft would silently do nothing.
function editDraft(row: Row, recipe: (draft: unknown) => unknown, what: string): Row {
  const draft = createDraft<Row>(row);
  const returned = recipe(draft);
  refusePromise(returned, 'a recipe');
  const isRow =
    typeof returned === 'object' && returned !== null && returned !== draft && !Array.isArray(returned);
  const next = finishDraft<Row>(draft);
  if (isRow && next === row)
    throw new SyncError(
      'INVALID_RECIPE',
      `${what}: the recipe returned ${describe(returned)} and left its draft as it was; edit the draft, or pass the fields to set.`,
    );
  return next;
}

function mergeFields(row: Row, fields: object, encode: Encode, what: string): Row {
  if (typeof fields !== 'object' || (fields as unknown) === null || Array.isArray(fields))
    throw new SyncError(
      'INVALID_RECIPE',
      `update takes a function of a draft or an object of fields, received ${describe(fields)}.`,
    );
  const next = withFields(row, encode(fields as Row, what));
  for (const field of Object.keys(fields))
    if ((fields as Row)[field] === undefined) Reflect.deleteProperty(next, field);
  return next;
}

function refusePromise(result: unknown, what: string): void {
  if (
    typeof result !== 'object' ||
    result === null ||
    !('then' in result) ||
    typeof result.then !== 'function'
  )
    return;
  void Promise.resolve(result).catch(() => undefined);
  throw new SyncError(
    'INVALID_RECIPE',
    `${what} returned a promise; it must be synchronous, because it is re-run on every new base. Do the waiting before mutate().`,
  );
}
