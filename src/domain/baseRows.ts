import { applyChange, keyOf, type Change } from './changes.js';
import { isNewer, type BaseRow, type EntityKey, type ServerRow, type Version } from './entity.js';

/** What one answer says, or one change of the feed. */
export interface Told {
  readonly rows: readonly ServerRow[];
  /** What it accepted without saying so in rows. */
  readonly changes: readonly Change[];
  /** It accepts what this client wrote; otherwise the rows may be anybody's. */
  readonly own?: boolean;
}

/**
 * What enters the base when the server has spoken, given what is there (`base`). Rows it sent enter where they are
 * newer (RD3). An acceptance without rows covers its changes by themselves, until newer server data arrives (RD2).
 * @param needed whether something pending may need a row that goes as a whole (RD5)
 * @param seen the number of the full read that meets the rows; absent: none does
 */
export function advanceBase(
  base: (key: EntityKey) => BaseRow | undefined,
  accepted: readonly Told[],
  needed: (key: EntityKey) => boolean = () => false,
  seen?: number,
): readonly ServerRow[] {
  const next = new Map<EntityKey, ServerRow>();
  const known = (key: EntityKey): BaseRow | undefined => next.get(key) ?? base(key);
  for (const { rows, changes, own = false } of accepted) {
    for (const row of rows) {
      const key = keyOf(row);
      const before = known(key);
      if (isNewer(row.version, before))
        next.set(key, entering(row, before, { own, needed: needed(key), seen: seen ?? before?.seen }));
    }
    if (changes.length === 0) continue;
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
        ...(before?.seen !== undefined && { seen: before.seen }),
      });
    }
  }
  return [...next.values()];
}

function entering(
  { collection, id, row, version, at }: ServerRow,
  before: BaseRow | undefined,
  {
    own,
    needed,
    seen,
  }: { readonly own: boolean; readonly needed: boolean; readonly seen: number | undefined },
): ServerRow {
  const ownSince = own ? (before?.ownSince ?? (before === undefined ? 0 : before.version)) : undefined;
  const gone = needed && row === undefined ? (before?.row ?? before?.was) : undefined;
  return {
    collection,
    id,
    row,
    version,
    ...(at !== undefined && { at }),
    ...(ownSince !== undefined && isNext(version, before) && { ownSince }),
    ...(gone !== undefined && { was: gone }),
    ...(seen !== undefined && { seen }),
  };
}

/** Nobody else has written in between: numbers count the writes; others were compared by the server. */
function isNext(version: Version | undefined, before: BaseRow | undefined): boolean {
  const former = before === undefined ? 0 : before.version;
  return typeof version === 'number' && typeof former === 'number'
    ? version === former + 1
    : version !== undefined;
}

/** Whether nobody else has written the row since it had `version`; 0: it was not there. Unknown versions count as such. */
export function isOwnSince(version: Version | undefined, base: BaseRow | undefined): boolean {
  const now = base === undefined ? 0 : base.version;
  if (version === undefined || now === undefined || version === now) return true;
  const since = base?.ownSince;
  return typeof version === 'number' && typeof now === 'number' && typeof since === 'number'
    ? version >= since
    : version === since;
}
