import type { RowList } from '../../src/domain/sortedRows.js';

/** Pairs of an id and a row, as the two lists that an index takes. */
export function rowList<T>(entries: Iterable<readonly [id: string, row: T]>): RowList<T> {
  const all = [...entries];
  return { ids: all.map(([id]) => id), rows: all.map(([, row]) => row) };
}
