import { keyOf, sameValue, type Change } from './changes.js';
import type { Row } from './entity.js';
import { setField } from './serialize.js';

type Update = Extract<Change, { kind: 'update' }>;
type Fields = Record<string, unknown>;

/**
 * The changes of two mutations of one entity as the changes of one (CO1): `[]` when together they do nothing, undefined
 * when they do not merge.
 *
 * | older ↓ newer → | insert  | update                       | delete           |
 * | --------------- | ------- | ---------------------------- | ---------------- |
 * | insert          | –       | insert of the edited row     | annulled: `[]`   |
 * | update          | –       | update: union, later wins    | delete           |
 * | delete          | replace | –                            | –                |
 * | replace         | –       | replace by the edited row    | the first delete |
 *
 * `previous` tells of the row before both. A replace is the changes `[delete, insert]` in one op, so that the server
 * ends with exactly the new row, whatever others wrote to the old one; as the newer one it counts as its delete, then its
 * insert. No changes at all, older or newer, leave the others as they are: so grouping makes no difference.
 */
export function coalesce(older: readonly Change[], newer: readonly Change[]): readonly Change[] | undefined {
  const net = createNetChange();
  return net.add(older) && net.add(newer) ? net.changes : undefined;
}

/** {@link coalesce} of any number, one after the other. Adding costs what is added, not what is there. */
export interface NetChange {
  /** False when they do not merge with what is there, which stays as it was. */
  add(changes: readonly Change[]): boolean;
  readonly isNothing: boolean;
  /** A copy: it does not grow any more. */
  readonly changes: readonly Change[];
}

export function createNetChange(): NetChange {
  let net: Net = { kind: 'nothing' };
  return {
    add(changes) {
      if (changes.length > 1 && !isReplace(changes)) return false;
      // All or none holds for a replace, too: wherever its delete fits, its insert does then.
      return changes.every((change) => {
        const next = follow(net, change);
        if (next !== undefined) net = next;
        return next !== undefined;
      });
    },
    get isNothing() {
      return net.kind === 'nothing';
    },
    get changes() {
      return changesOf(net);
    },
  };
}

type Replace = readonly [Extract<Change, { kind: 'delete' }>, Extract<Change, { kind: 'insert' }>];

function isReplace(changes: readonly Change[]): changes is Replace {
  const [first, second] = changes;
  return (
    changes.length === 2 &&
    first?.kind === 'delete' &&
    second?.kind === 'insert' &&
    keyOf(first) === keyOf(second)
  );
}

/** The effect so far, with fields of its own that are edited in place. */
type Net =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'insert'; readonly at: Change; readonly row: Fields }
  | {
      readonly kind: 'update';
      readonly at: Change;
      readonly patch: Fields;
      readonly unset: Set<string>;
      readonly previous: Fields;
    }
  | { readonly kind: 'delete'; readonly at: Change; readonly previous: Row }
  | { readonly kind: 'replace'; readonly at: Change; readonly previous: Row; readonly row: Fields };

function follow(net: Net, change: Change): Net | undefined {
  switch (change.kind) {
    case 'insert':
      if (net.kind === 'nothing') return { kind: 'insert', at: change, row: { ...change.row } };
      if (net.kind === 'delete') return { ...net, kind: 'replace', row: { ...change.row } };
      return undefined;
    case 'update':
      return followUpdate(net, change);
    case 'delete':
      return followDelete(net, change);
  }
}

function followUpdate(net: Net, change: Update): Net | undefined {
  switch (net.kind) {
    case 'nothing':
      return followUpdate({ kind: 'update', at: change, patch: {}, unset: new Set(), previous: {} }, change);
    case 'insert':
    case 'replace':
      edit(net.row, change);
      return net;
    case 'update':
      for (const field in change.patch) {
        if (!Object.hasOwn(change.patch, field)) continue;
        replace(net, field, change);
        setField(net.patch, field, change.patch[field]);
        if (net.unset.size > 0) net.unset.delete(field);
      }
      if (change.unset.length > 0)
        for (const field of change.unset) {
          replace(net, field, change);
          Reflect.deleteProperty(net.patch, field);
          net.unset.add(field);
        }
      return net;
    case 'delete':
      return undefined;
  }
}

function followDelete(net: Net, change: Extract<Change, { kind: 'delete' }>): Net | undefined {
  switch (net.kind) {
    case 'nothing':
      return { kind: 'delete', at: change, previous: change.previous };
    case 'insert':
      return { kind: 'nothing' };
    case 'update': {
      const previous: Fields = { ...change.previous };
      for (const field of [...Object.keys(net.patch), ...net.unset]) restore(previous, field, net.previous);
      return { kind: 'delete', at: change, previous };
    }
    case 'replace':
      return { kind: 'delete', at: net.at, previous: net.previous };
    case 'delete':
      return undefined;
  }
}

/** The first that changes a field tells what it was. */
function replace(net: Extract<Net, { kind: 'update' }>, field: string, { previous }: Update): void {
  if (!Object.hasOwn(net.patch, field) && !net.unset.has(field)) restore(net.previous, field, previous);
}

function edit(fields: Fields, { patch, unset }: Update): void {
  for (const field of Object.keys(patch)) setField(fields, field, patch[field]);
  for (const field of unset) Reflect.deleteProperty(fields, field);
}

/** Makes `field` what it is in `row`: absent, if it is absent there. */
function restore(fields: Fields, field: string, row: Row): void {
  if (Object.hasOwn(row, field)) setField(fields, field, row[field]);
  else Reflect.deleteProperty(fields, field);
}

function changesOf(net: Net): readonly Change[] {
  if (net.kind === 'nothing') return [];
  const { collection, id } = net.at;
  switch (net.kind) {
    case 'insert':
      return [{ kind: 'insert', collection, id, row: { ...net.row } }];
    case 'update': {
      const { patch, unset, previous } = net;
      return [
        { kind: 'update', collection, id, patch: { ...patch }, unset: [...unset], previous: { ...previous } },
      ];
    }
    case 'delete':
      return [{ kind: 'delete', collection, id, previous: net.previous }];
    case 'replace':
      return [
        { kind: 'delete', collection, id, previous: net.previous },
        { kind: 'insert', collection, id, row: { ...net.row } },
      ];
  }
}

/**
 * The changes of one entity without what is so already: back to the base value is annulled, `[]` (CO1). `base` must be
 * the row that the server will find: nothing undecided may come before.
 *
 * | change  | left out                                                                       |
 * | ------- | ------------------------------------------------------------------------------ |
 * | update  | fields that `base` has as they would become, removed fields that it has not    |
 * | replace | the whole, if the new row is as `base`                                         |
 * | insert  | never: the server has to know of it                                            |
 * | delete  | never: a row gone from this base may be there again                            |
 */
export function withoutUnchanged(changes: readonly Change[], base: Row | undefined): readonly Change[] {
  if (base === undefined) return changes;
  if (isReplace(changes)) return sameValue(changes[1].row, base) ? [] : changes;
  const [change, ...others] = changes;
  if (change?.kind !== 'update' || others.length > 0) return changes;
  const fields = Object.keys(change.patch);
  const set = fields.filter(
    (field) => !Object.hasOwn(base, field) || !sameValue(base[field], change.patch[field]),
  );
  const unset = change.unset.filter((field) => Object.hasOwn(base, field) && base[field] !== undefined);
  if (set.length === 0 && unset.length === 0) return [];
  if (set.length === fields.length && unset.length === change.unset.length) return changes;
  const patch: Fields = {};
  const previous: Fields = {};
  for (const field of set) setField(patch, field, change.patch[field]);
  for (const field of [...set, ...unset]) restore(previous, field, change.previous);
  return [{ ...change, patch, unset, previous }];
}
