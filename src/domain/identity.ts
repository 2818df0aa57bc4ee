import type { Change } from './changes.js';
import type { AnyCollection } from './collection.js';
import { entityKey, type EntityKey, type Row } from './entity.js';
import { keepIdentity } from './keepIdentity.js';
import { setField } from './serialize.js';

/** The server has named a row that the client had inserted under an id of its own (ID1). */
export interface AssignedId {
  readonly collection: string;
  /** The client's id. */
  readonly from: string;
  /** The server's id. */
  readonly to: string;
}

/** What the server's names are for the client's, and back. An id that was never replaced stands for itself. */
export interface Ids {
  add(assigned: AssignedId): void;
  /** The id that `id` goes by now. */
  readonly resolve: (collection: string, id: string) => string;
  /** The id that a row was known by first: a key for React that never changes. */
  readonly origin: (collection: string, id: string) => string;
  /** The one id that `id` was replaced by, in whichever collection; undefined when none or several were. */
  readonly successor: (id: string) => string | undefined;
  readonly size: number;
}

export function createIds(): Ids {
  const to = new Map<EntityKey, string>();
  const from = new Map<EntityKey, string>();
  const successors = new Map<string, string | undefined>();
  /** A row that was deleted and is inserted again is named again. No more steps than names: a server may name in a circle. */
  const follow = (id: string, next: (id: string) => string | undefined): string => {
    let last = id;
    for (let left = to.size; left > 0; left--) {
      const one = next(last);
      if (one === undefined) break;
      last = one;
    }
    return last;
  };
  return {
    add(assigned) {
      const key = entityKey(assigned.collection, assigned.from);
      if (to.get(key) === assigned.to) return;
      to.set(key, assigned.to);
      from.set(entityKey(assigned.collection, assigned.to), assigned.from);
      const isOnly = !successors.has(assigned.from) || successors.get(assigned.from) === assigned.to;
      successors.set(assigned.from, isOnly ? assigned.to : undefined);
    },
    resolve: (collection, id) => follow(id, (one) => to.get(entityKey(collection, one))),
    origin: (collection, id) => follow(id, (one) => from.get(entityKey(collection, one))),
    successor(id) {
      const last = follow(id, (one) => successors.get(one));
      return last === id ? undefined : last;
    },
    get size() {
      return to.size;
    },
  };
}

type Collections = ReadonlyMap<string, AnyCollection>;

/** `change` with the server's ids: its own, and those in the fields that its collection declares as references. */
export function renameInChange(change: Change, ids: Ids, collections: Collections): Change {
  if (ids.size === 0) return change;
  const id = ids.resolve(change.collection, change.id);
  switch (change.kind) {
    case 'insert':
      return { ...change, id, row: renameInRow(change.row, change, id, ids, collections) };
    case 'update':
      return {
        ...change,
        id,
        patch: renameInRow(change.patch, change, id, ids, collections),
        previous: renameInRow(change.previous, change, id, ids, collections),
      };
    case 'delete':
      return { ...change, id, previous: renameInRow(change.previous, change, id, ids, collections) };
  }
}

function renameInRow(row: Row, change: Change, id: string, ids: Ids, collections: Collections): Row {
  const collection = collections.get(change.collection);
  const renamed: Record<string, unknown> = {};
  const set = (field: string, value: string): void => {
    if (row[field] !== value) setField(renamed, field, value);
  };
  const key = collection?.keyField;
  if (key !== undefined && row[key] === change.id) set(key, id);
  for (const [field, target] of collection?.references ?? []) {
    const value = Object.hasOwn(row, field) ? row[field] : undefined;
    if (typeof value === 'string') set(field, ids.resolve(target, value));
  }
  return Object.keys(renamed).length === 0 ? row : { ...row, ...renamed };
}

/**
 * `variables` with the server's ids wherever a replaced id stands as a whole string: nothing else tells which fields
 * of an app's variables are ids, and an id made for one row is no other text.
 */
export function renameInVariables(variables: unknown, ids: Ids): unknown {
  if (ids.size === 0) return variables;
  if (typeof variables === 'string') return ids.successor(variables) ?? variables;
  if (Array.isArray(variables)) {
    return keepIdentity(
      variables,
      variables.map((item) => renameInVariables(item, ids)),
    );
  }
  if (typeof variables !== 'object' || variables === null) return variables;
  const proto: unknown = Object.getPrototypeOf(variables);
  if (proto !== Object.prototype && proto !== null) return variables;
  const renamed: Record<string, unknown> = {};
  let isSame = true;
  for (const [field, value] of Object.entries(variables)) {
    const next = renameInVariables(value, ids);
    if (next !== value) isSame = false;
    setField(renamed, field, next);
  }
  return isSame ? variables : renamed;
}

/** `ids`, and `assigned` on top of them, before they are stored. */
export function withAssigned(ids: Ids, assigned: readonly AssignedId[]): Ids {
  if (assigned.length === 0) return ids;
  const more = createIds();
  for (const one of assigned) more.add(one);
  return {
    add: (one) => more.add(one),
    resolve(collection, id) {
      const known = ids.resolve(collection, id);
      return more.resolve(collection, known);
    },
    origin: (collection, id) => ids.origin(collection, more.origin(collection, id)),
    successor: (id) => more.successor(id) ?? ids.successor(id),
    get size() {
      return ids.size + more.size;
    },
  };
}
