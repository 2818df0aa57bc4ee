import { splitKey, type BaseRow } from '../domain/entity.js';
import type { RowsRead, StoredRow } from '../engine/ports.js';

/** A row with what names it. */
export type NamedRow = readonly [collection: string, id: string, row: BaseRow];

export function named({ key, ...row }: StoredRow): NamedRow {
  const { collection, id } = splitKey(key);
  return [collection, id, row];
}

export type RowsByCollection = Map<string, Map<string, BaseRow>>;

export function rowsOf(all: RowsByCollection, collection: string): Map<string, BaseRow> {
  const known = all.get(collection);
  if (known !== undefined) return known;
  const rows = new Map<string, BaseRow>();
  all.set(collection, rows);
  return rows;
}

/** A later one of the same name takes the place of an earlier one. */
export function addRows(rows: Iterable<NamedRow>, to: RowsByCollection = new Map()): RowsRead {
  for (const [collection, id, row] of rows) rowsOf(to, collection).set(id, row);
  return to;
}
