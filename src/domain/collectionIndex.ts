import { keepIdentity } from './keepIdentity.js';
import { predicate, windowOf, type Query } from './query.js';
import { rowOrder, type RowOrder } from './rowOrder.js';
import { createSortedRows, type RowList } from './sortedRows.js';

/** What became of one row. */
export interface RowChange<T> {
  readonly id: string;
  readonly former: T | undefined;
  readonly next: T | undefined;
}

/** The rows that meet one query, kept in order from change to change (ST9). */
export interface CollectionIndex<T> {
  /** How many rows meet the query, whether asked for or not. */
  readonly size: number;
  /** The rows asked for: the same array until one of them has changed. */
  rows(): readonly T[];
  /** Every change of a row since `all` were read, one after the other. Costs O(log n) comparisons each. */
  tell(changes: readonly RowChange<T>[]): void;
}

/**
 * @param place where a row belongs that no field orders: the order in which rows became known. It stays the same while
 *   the row is in the index.
 * @param inOrder whether `all` come in the order that is asked for
 */
export function createCollectionIndex<T>(
  query: Query<T>,
  all: RowList<T>,
  place: (id: string) => number,
  inOrder = false,
): CollectionIndex<T> {
  const meets = predicate(query.where);
  const order = rowOrder(query.orderBy, place);
  const { from, to } = windowOf(query);
  // A function may look at a clock, and answer otherwise than when it let a row in: then the row is looked for.
  const mayHold = typeof query.where === 'function' ? () => true : meets;
  const met = query.where === undefined ? all : those(all, meets);
  const sorted = createSortedRows(order, inOrder ? met : inOrderOf(met, order));
  let rows: readonly T[] = sorted.slice(from, to);
  let isCurrent = true;

  /** All rows between two positions have moved or changed. */
  function touched(a: number, b: number): void {
    if (Math.min(a, b) < to && Math.max(a, b) >= from) isCurrent = false;
  }

  function tellOne({ id, former, next }: RowChange<T>): void {
    const is = next !== undefined && meets(next);
    let left = -1;
    if (former !== undefined && mayHold(former)) {
      if (is && order(id, former, id, next) === 0) {
        const at = sorted.replace(id, former, next);
        if (at >= 0) {
          touched(at, at);
          return;
        }
      } else left = sorted.remove(id, former);
    }
    const end = sorted.size;
    if (is) touched(sorted.add(id, next), left < 0 ? end : left);
    else if (left >= 0) touched(left, end);
  }

  return {
    get size() {
      return sorted.size;
    },
    rows() {
      if (!isCurrent) rows = keepIdentity(rows, sorted.slice(from, to));
      isCurrent = true;
      return rows;
    },
    tell: (changes) => changes.forEach(tellOne),
  };
}

function inOrderOf<T>({ ids, rows }: RowList<T>, order: RowOrder<T>): RowList<T> {
  const at = ids
    .map((_, i) => i)
    .sort((a, b) => order(ids[a] as string, rows[a] as T, ids[b] as string, rows[b] as T));
  return { ids: at.map((i) => ids[i] as string), rows: at.map((i) => rows[i] as T) };
}

function those<T>(all: RowList<T>, meets: (row: T) => boolean): RowList<T> {
  const ids: string[] = [];
  const rows: T[] = [];
  all.rows.forEach((row, i) => {
    if (!meets(row)) return;
    ids.push(all.ids[i] as string);
    rows.push(row);
  });
  return { ids, rows };
}
