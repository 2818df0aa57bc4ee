import { sameValue } from './changes.js';
import type { Row } from './entity.js';
import { setField } from './serialize.js';

/** A field that holds a list of objects with ids, which both sides may edit at once. */
export interface ListById {
  /** The member of each item that holds its id: text or a number, unique in the list. */
  readonly listById: string;
}

/** Merges lists item by item: see {@link mergeLists}. @param key @default 'id' */
export function listById(key = 'id'): ListById {
  return { listById: key };
}

export type Side = 'mine' | 'theirs';

export interface MergedList {
  readonly list: readonly unknown[];
  /** Both sides have changed the same thing to different values: `side` has decided. */
  readonly contested: boolean;
}

/**
 * The three-way merge of lists of items that have ids; undefined when one of them is something else. An absent base is
 * empty.
 *
 * | mine ↓ theirs →  | as in base | edited                  | removed         | not in base |
 * | ---------------- | ---------- | ----------------------- | --------------- | ----------- |
 * | as in base       | kept       | theirs                  | removed         | –           |
 * | edited           | mine       | merged field by field * | *               | –           |
 * | removed          | removed    | *                       | removed         | –           |
 * | not in base      | –          | –                       | –               | added; of one id: merged field by field * |
 *
 * `*` where both did something else, `side` decides. The order is that of the side that has moved items; where none or
 * both have, that of theirs, or of `side`. What the other side has added comes after what it came after there.
 */
export function mergeLists(
  base: unknown,
  mine: unknown,
  theirs: unknown,
  { listById: key }: ListById,
  side: Side,
): MergedList | undefined {
  const [b, m, t] = [base ?? [], mine, theirs].map((list) => itemsOf(list, key));
  if (b === undefined || m === undefined || t === undefined) return undefined;
  let contested = false;
  const merged = new Map<ItemId, Row>();
  for (const id of new Set([...t.keys(), ...m.keys()])) {
    const item = mergeItem(b.get(id), m.get(id), t.get(id), side);
    contested ||= item.contested;
    if (item.value !== undefined) merged.set(id, item.value);
  }
  const common = [...b.keys()].filter((id) => m.has(id) && t.has(id));
  const mineMoved = !sameValue(orderOf(m, common), common);
  const theirsMoved = !sameValue(orderOf(t, common), common);
  const bothMoved = mineMoved && theirsMoved && !sameValue(orderOf(m, common), orderOf(t, common));
  const mineLeads = bothMoved ? side === 'mine' : mineMoved && !theirsMoved;
  const order = mineLeads ? weave([...m.keys()], [...t.keys()]) : weave([...t.keys()], [...m.keys()]);
  return {
    list: order.flatMap((id) => merged.get(id) ?? []),
    contested: contested || bothMoved,
  };
}

type ItemId = string | number;

function itemsOf(list: unknown, key: string): ReadonlyMap<ItemId, Row> | undefined {
  if (!Array.isArray(list)) return undefined;
  const items = new Map<ItemId, Row>();
  for (const item of list as unknown[]) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return undefined;
    const id = own(item as Row, key);
    if ((typeof id !== 'string' && typeof id !== 'number') || items.has(id)) return undefined;
    items.set(id, item as Row);
  }
  return items;
}

interface MergedItem {
  /** Undefined: it is removed. */
  readonly value: Row | undefined;
  readonly contested: boolean;
}

function mergeItem(
  base: Row | undefined,
  mine: Row | undefined,
  theirs: Row | undefined,
  side: Side,
): MergedItem {
  if (sameValue(mine, theirs) || sameValue(base, mine)) return { value: theirs, contested: false };
  if (sameValue(base, theirs)) return { value: mine, contested: false };
  if (mine === undefined || theirs === undefined)
    return { value: side === 'mine' ? mine : theirs, contested: true };
  const value: Record<string, unknown> = {};
  let contested = false;
  for (const field of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const [was, ours, others] = [own(base ?? {}, field), own(mine, field), own(theirs, field)];
    const isContested = !sameValue(ours, others) && !sameValue(was, ours) && !sameValue(was, others);
    contested ||= isContested;
    const takesMine = isContested ? side === 'mine' : sameValue(was, others);
    const next = takesMine ? ours : others;
    if (next !== undefined) setField(value, field, next);
  }
  return { value, contested };
}

const orderOf = (items: ReadonlyMap<ItemId, Row>, ids: readonly ItemId[]): readonly ItemId[] => {
  const wanted = new Set(ids);
  return [...items.keys()].filter((id) => wanted.has(id));
};

/** `leading` with what only `other` has, each after what it comes after there. */
function weave(leading: readonly ItemId[], other: readonly ItemId[]): readonly ItemId[] {
  const known = new Set(leading);
  const followers = new Map<ItemId | undefined, ItemId[]>();
  let after: ItemId | undefined;
  for (const id of other) {
    if (known.has(id)) after = id;
    else if (followers.has(after)) followers.get(after)?.push(id);
    else followers.set(after, [id]);
  }
  return [
    ...(followers.get(undefined) ?? []),
    ...leading.flatMap((id) => [id, ...(followers.get(id) ?? [])]),
  ];
}

/** A field's value whatever its name (LF3); an absent one is undefined. */
export function own(row: Row, field: string): unknown {
  return Object.hasOwn(row, field) ? row[field] : undefined;
}
