import { keepIdentity } from './keepIdentity.js';
import { predicate, windowOf, type Query } from './query.js';
import { rowOrder } from './rowOrder.js';
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
  const sorted = createSortedRows(order, inOrder && query.where === undefined ? all : chosen());
  let rows: readonly T[] = sorted.slice(from, to);
  let isCurrent = true;

  function chosen(): RowList<T> {
    const at: number[] = [];
    all.rows.forEach((row, i) => meets(row) && at.push(i));
    const idAt = (i: number): string => all.ids[i] as string;
    const rowAt = (i: number): T => all.rows[i] as T;
    if (!inOrder) at.sort((a, b) => order(idAt(a), rowAt(a), idAt(b), rowAt(b)));
    return { ids: at.map(idAt), rows: at.map(rowAt) };
  }

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
