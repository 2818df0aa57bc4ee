import { splitKey, type BaseRow } from '../domain/entity.js';
import type { RowsRead, StoredRow } from '../engine/ports.js';

/** A row with what names it. */
export type NamedRow = readonly [collection: string, id: string, row: BaseRow];

export function named({ key, ...row }: StoredRow): NamedRow {
  const { collection, id } = splitKey(key);
  return [collection, id, row];
}

export type RowsByCollection = Map<string, Map<string, BaseRow>>;

/** A later one of the same name takes the place of an earlier one. */
export function addRow(to: RowsByCollection, collection: string, id: string, row: BaseRow): void {
  const known = to.get(collection);
  if (known === undefined) to.set(collection, new Map([[id, row]]));
  else known.set(id, row);
}

export function addRows(rows: Iterable<NamedRow>, to: RowsByCollection = new Map()): RowsRead {
  for (const [collection, id, row] of rows) addRow(to, collection, id, row);
  return to;
}
