import type { RowOrder } from './rowOrder.js';

/** Rows kept in order, found by comparing them: no row knows its position. */
export interface SortedRows<T> {
  readonly size: number;
  /** Puts `row` where it belongs; returns its position. */
  add(id: string, row: T): number;
  /** Takes out `row`; returns the position it had, -1 when it is not in it. */
  remove(id: string, row: T): number;
  /** Puts `next`, which is ordered the same, in the place of `row`; returns the position, -1 when that is not in it. */
  replace(id: string, row: T, next: T): number;
  slice(from: number, to: number): T[];
}

/**
 * A page that is full is cut in two. To move its pointers costs less than to compare two rows; what is linear, the pages
 * to be counted for a position, is a five-hundredth of the rows (decision 0029).
 */
const FULL = 1024;

/** Rows with their ids, as two lists: an object for each would cost more than to sort them. */
export interface RowList<T> {
  readonly ids: readonly string[];
  readonly rows: readonly T[];
}

interface Page<T> {
  readonly ids: string[];
  readonly rows: T[];
}

/** @param sorted rows to begin with, in order */
export function createSortedRows<T>(
  order: RowOrder<T>,
  sorted: RowList<T>,
  full: number = FULL,
): SortedRows<T> {
  const half = full / 2;
  let size = sorted.ids.length;
  const pages: Page<T>[] = [];
  for (let i = 0; i === 0 || i < size; i += half)
    pages.push({ ids: sorted.ids.slice(i, i + half), rows: sorted.rows.slice(i, i + half) });

  const isBefore = ({ ids, rows }: Page<T>, n: number, id: string, row: T): boolean =>
    n >= 0 && order(ids[n] as string, rows[n] as T, id, row) < 0;

  /** The place of `row`: the page, and in it the first row that is not before it. */
  function locate(id: string, row: T): { readonly page: Page<T>; readonly p: number; readonly i: number } {
    const end = pages.length - 1;
    const last = pages[end] as Page<T>;
    // What comes in order, as rows of a page mostly do, is found at once.
    if (isBefore(last, last.ids.length - 1, id, row)) return { page: last, p: end, i: last.ids.length };
    const p = firstNot(end, (n) => {
      const page = pages[n] as Page<T>;
      return isBefore(page, page.ids.length - 1, id, row);
    });
    const page = pages[p] as Page<T>;
    return { page, p, i: firstNot(page.ids.length, (n) => isBefore(page, n, id, row)) };
  }

  function position(p: number, i: number): number {
    let before = i;
    for (let n = 0; n < p; n++) before += (pages[n] as Page<T>).ids.length;
    return before;
  }

  return {
    get size() {
      return size;
    },
    add(id, row) {
      const { page, p, i } = locate(id, row);
      const at = position(p, i);
      page.ids.splice(i, 0, id);
      page.rows.splice(i, 0, row);
      if (page.ids.length >= full)
        pages.splice(p + 1, 0, { ids: page.ids.splice(half), rows: page.rows.splice(half) });
      size++;
      return at;
    },
    remove(id, row) {
      const { page, p, i } = locate(id, row);
      if (page.ids[i] !== id) return -1;
      const at = position(p, i);
      page.ids.splice(i, 1);
      page.rows.splice(i, 1);
      if (page.ids.length === 0 && pages.length > 1) pages.splice(p, 1);
      size--;
      return at;
    },
    replace(id, row, next) {
      const { page, p, i } = locate(id, row);
      if (page.ids[i] !== id) return -1;
      page.rows[i] = next;
      return position(p, i);
    },
    slice(from, to) {
      const parts: T[][] = [];
      let before = 0;
      for (const { rows } of pages) {
        if (before >= to) break;
        if (before + rows.length > from) parts.push(rows.slice(Math.max(from - before, 0), to - before));
        before += rows.length;
      }
      return ([] as T[]).concat(...parts);
    },
  };
}

/** The first of 0 to `end` for which `holds` does not; once it does not, it never does again. */
function firstNot(end: number, holds: (n: number) => boolean): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
