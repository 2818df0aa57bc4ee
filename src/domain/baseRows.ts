import { applyChange, keyOf, type Change } from './changes.js';
import { isNewer, type BaseRow, type EntityKey, type ServerRow } from './entity.js';

/**
 * What enters the base when the server has spoken, given what is there (`base`). Rows it sent enter where they are
 * newer (RD3). An acceptance without rows covers its changes by themselves, until newer server data arrives (RD2).
 */
export function advanceBase(
  base: (key: EntityKey) => BaseRow | undefined,
  accepted: readonly { readonly rows: readonly ServerRow[]; readonly changes: readonly Change[] }[],
): readonly ServerRow[] {
  const next = new Map<EntityKey, ServerRow>();
  const known = (key: EntityKey): BaseRow | undefined => next.get(key) ?? base(key);
  for (const { rows, changes } of accepted) {
    for (const row of rows) {
      const key = keyOf(row);
      if (isNewer(row.version, known(key))) next.set(key, row);
    }
    const spoken = new Set(rows.map(keyOf));
    for (const change of changes) {
      const key = keyOf(change);
      if (spoken.has(key)) continue;
      const before = known(key);
      next.set(key, {
        collection: change.collection,
        id: change.id,
        row: applyChange(before?.row, change),
        version: before?.version,
      });
    }
  }
  return [...next.values()];
}
