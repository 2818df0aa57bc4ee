import type { BaseRow, Row } from '../domain/entity.js';
import type { PendingMutation } from './pendingMutation.js';

/** A read-only window on one collection. Its identity changes with every change of the collection. */
export interface CollectionView {
  get(id: string): Row | undefined;
  /** Every visible row with its id. */
  entries(): IterableIterator<[id: string, row: Row]>;
}

interface Overlaid {
  readonly pending: PendingMutation[];
  view: Row | undefined;
}

/** One collection: the confirmed rows, and what the pending mutations make of those they touch. */
export interface Table {
  readonly base: Map<string, BaseRow>;
  readonly overlay: Map<string, Overlaid>;
  /** Takes `rows` as the base: there is none yet. */
  adopt(rows: Map<string, BaseRow>): void;
  read(id: string): Row | undefined;
  /** The caller adds a mutation once per entity. */
  addPending(id: string, mutation: PendingMutation): Overlaid;
  show(id: string, row: Row | undefined): void;
  /** Visits every visible row. */
  each(visit: (id: string, row: Row) => void): void;
  readonly view: CollectionView;
  /** Some of what it shows is other now: so is its view. */
  changed(): void;
}

export function createTable(): Table {
  let base = new Map<string, BaseRow>();
  const overlay = new Map<string, Overlaid>();
  let view: CollectionView | undefined;
  const read = (id: string): Row | undefined => {
    const over = overlay.get(id);
    return over === undefined ? base.get(id)?.row : over.view;
  };
  function each(visit: (id: string, row: Row) => void): void {
    // Not `for … of`: it makes a list for each, and this is what a first query does with all there are.
    base.forEach(({ row }, id) => {
      const over = overlay.get(id);
      const shown = over === undefined ? row : over.view;
      if (shown !== undefined) visit(id, shown);
    });
    for (const [id, { view }] of overlay) if (view !== undefined && !base.has(id)) visit(id, view);
  }
  function entries(): IterableIterator<[string, Row]> {
    const all: [string, Row][] = [];
    each((id, row) => all.push([id, row]));
    return all.values();
  }
  return {
    get base() {
      return base;
    },
    overlay,
    adopt(rows) {
      base = rows;
    },
    read,
    each,
    addPending(id, mutation) {
      let over = overlay.get(id);
      if (over === undefined) overlay.set(id, (over = { pending: [mutation], view: base.get(id)?.row }));
      else over.pending.push(mutation);
      return over;
    },
    show(id, row) {
      const over = overlay.get(id);
      if (over !== undefined) over.view = row;
    },
    get view() {
      return (view ??= { get: read, entries });
    },
    changed() {
      view = undefined;
    },
  };
}
