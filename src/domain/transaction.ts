import { Immer, type Draft } from 'immer';
import { applyChange, diff, keyOf, type Change } from './changes.js';
import type { AnyCollection, Collection } from './collection.js';
import { checkId, entityKey, nameOf, type EntityKey, type EntityRef, type Row } from './entity.js';
import { describe, SyncError } from './errors.js';
import { renameInChange, type Ids } from './identity.js';
import type { What } from './serialize.js';
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

export type ReadRow = (of: EntityRef) => Row | undefined;

/** Makes a private, storable copy of a value: `toJson` or `toCloneable`. */
export type Encode = <T>(value: T, what: What) => T;

/** What a mutation did, and every entity it read or wrote: its meaning depends on those only. */
export interface Effect {
  readonly changes: readonly Change[];
  readonly touched: readonly EntityKey[];
}

interface Touched extends EntityRef {
  before: Row | undefined;
  /** Not up to date while there is a `change`. */
  after: Row | undefined;
  /** All that was done so far, where that was to set fields: the row is made when somebody looks at it. */
  change: Change | undefined;
  /** Whether `after` holds private copies only: of drafts, which live as long as their recipe, too. */
  encoded: boolean;
}

/** A transaction that runs: what it was given, and what it has touched so far. */
interface Work {
  readonly read: ReadRow;
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly encode: Encode;
  readonly ids: Ids;
  /** Most touch one entity only. */
  first: Touched | undefined;
  /** All of them, once there are several. */
  all: Map<EntityKey, Touched> | undefined;
}

/** The one that runs now: all of it is synchronous (ST4). */
let running: Work | undefined;

/** Works on the one that runs now: functions of its own for each were a tenth of what a call costs. */
const tx: Transaction = {
  get: <T extends object>(collection: Collection<T>, id: string) =>
    rowOf(at(collection, id)) as T | undefined,
  insert(collection, row) {
    const entry = at(collection, collection.idOf(row));
    if (entry.after !== undefined)
      throw new SyncError('ENTITY_EXISTS', `${entry.collection} already has a row "${entry.id}".`);
    const checked = collection.schema ? validate(collection.schema, row, nameOf(entry)) : row;
    entry.after = (running as Work).encode(checked as Row, entry);
  },
  update<T extends object>(
    collection: Collection<T>,
    id: string,
    edit: ((draft: Draft<T>) => void) | Partial<T>,
  ) {
    const entry = existing(collection, id);
    const row = rowOf(entry) as Row;
    if (typeof edit === 'function') {
      const next = editDraft(row, edit as (draft: unknown) => unknown, entry);
      if (next !== row) checkKey(collection, entry, next);
      entry.after = next;
      entry.encoded = false;
      return;
    }
    const change = setFields(row, edit, (running as Work).encode, entry);
    if (change === undefined) return;
    if (collection.keyField === undefined || Object.hasOwn(edit, collection.keyField))
      checkKey(collection, entry, applyChange(row, change));
    if (row === entry.before) entry.change = change;
    else entry.after = applyChange(row, change);
  },
  delete(collection, id) {
    const entry = existing(collection, id);
    entry.after = entry.change = undefined;
  },
};

/**
 * Runs `recipe` over `read` and returns its net effect per entity, in the order first touched, encoded for storage.
 * Atomic: if it throws, nothing has happened (ST4). Rows go by the ids that the server has given them: a call, or a
 * stored mutation that is run again, may still know former ones (ID1).
 */
export function runTransaction<V>(
  read: ReadRow,
  collections: ReadonlyMap<string, AnyCollection>,
  encode: Encode,
  ids: Ids,
  recipe: (tx: Transaction, variables: V) => unknown,
  variables: V,
): Effect {
  const work: Work = { read, collections, encode, ids, first: undefined, all: undefined };
  const outer = running;
  running = work;
  try {
    refusePromise(recipe(tx, variables), 'optimistic');
  } finally {
    running = outer; // one may run within another
  }
  return effectOf(work);
}

// No array here grows by `push`: one that did has room for 17, and thousands of these are kept.
function effectOf(work: Work): Effect {
  const { first, all } = work;
  if (first === undefined) return { changes: [], touched: [] };
  if (all === undefined) {
    const change = changeOf(first, work);
    return { changes: change === undefined ? [] : [change], touched: [keyOf(first)] };
  }
  const changes = [...all.values()].flatMap((entry) => changeOf(entry, work) ?? []);
  return { changes: changes.slice(), touched: [...all.keys()] };
}

function at({ name }: AnyCollection, given: unknown): Touched {
  const work = running;
  if (work === undefined)
    throw new SyncError('INVALID_RECIPE', 'This transaction is over: its optimistic has returned.');
  const { collections, first } = work;
  if (!collections.has(name))
    throw new SyncError(
      'UNKNOWN_COLLECTION',
      `"${name}" is not a collection of this client; it knows ${[...collections.keys()].join(', ') || 'none'}.`,
    );
  checkId(name, given);
  const id = work.ids.resolve(name, given);
  if (first?.id === id && first.collection === name) return first;
  if (first !== undefined) work.all ??= new Map([[keyOf(first), first]]);
  const known = work.all?.get(entityKey(name, id));
  if (known !== undefined) return known;
  const before = work.read({ collection: name, id });
  const entry: Touched = { collection: name, id, before, after: before, change: undefined, encoded: true };
  if (first === undefined) work.first = entry;
  else work.all?.set(keyOf(entry), entry);
  return entry;
}

function existing(collection: AnyCollection, id: unknown): Touched {
  const entry = at(collection, id);
  if (entry.after === undefined)
    throw new SyncError('ENTITY_NOT_FOUND', `${entry.collection} has no row "${entry.id}".`);
  return entry;
}

function rowOf(entry: Touched): Row | undefined {
  if (entry.change !== undefined) entry.after = applyChange(entry.before, entry.change);
  entry.change = undefined;
  return entry.after;
}

function changeOf(
  { collection, id, before, after, change, encoded }: Touched,
  { encode, ids, collections }: Work,
): Change | undefined {
  const made = change ?? diff(collection, id, before, after);
  return made && renameInChange(encoded ? made : encodeChange(made, encode), ids, collections);
}

function encodeChange(change: Change, encode: Encode): Change {
  switch (change.kind) {
    case 'insert':
      return { ...change, row: encode(change.row, change) };
    case 'update':
      return { ...change, patch: encode(change.patch, change) };
    case 'delete':
      return change;
  }
}

/** What it makes is compared and copied, and never shown: to freeze it is for nothing. */
const immer = new Immer({ autoFreeze: false });

// What a recipe returns is ignored, so that `(draft) => (draft.n += 1)` means what it says; but one that returns
// a new row instead of editing the draft would silently do nothing.
function editDraft(row: Row, recipe: (draft: unknown) => unknown, of: EntityRef): Row {
  const draft = immer.createDraft(row);
  const returned = recipe(draft);
  refusePromise(returned, 'a recipe');
  const isRow =
    typeof returned === 'object' && returned !== null && returned !== draft && !Array.isArray(returned);
  const next = immer.finishDraft(draft);
  if (isRow && next === row)
    throw new SyncError(
      'INVALID_RECIPE',
      `${nameOf(of)}: the recipe returned ${describe(returned)} and left its draft as it was; edit the draft, or pass the fields to set.`,
    );
  return next;
}

/** What setting `fields` changes; an undefined one is removed. */
function setFields(row: Row, fields: object, encode: Encode, of: EntityRef): Change | undefined {
  if (typeof fields !== 'object' || (fields as unknown) === null || Array.isArray(fields))
    throw new SyncError(
      'INVALID_RECIPE',
      `update takes a function of a draft or an object of fields, received ${describe(fields)}.`,
    );
  return diff(of.collection, of.id, row, encode(fields as Row, of), Object.keys(fields));
}

function checkKey(collection: AnyCollection, of: EntityRef, next: Row | undefined): void {
  if (collection.idOf(next) !== of.id)
    throw new SyncError(
      'INVALID_ROW',
      `${nameOf(of)}: an update must not change the row's key; delete it and insert another.`,
    );
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
