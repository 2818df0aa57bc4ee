import { keyOf } from './changes.js';
import type { SnapshotPage } from './reply.js';
import { entityKey, splitKey, type BaseRow, type Bases, type EntityKey, type ServerRow } from './entity.js';

/**
 * A read of everything the server has (PL1), as it is stored with each page: rows in pages, then what changed meanwhile.
 * Each row that it meets gets its number; at its end, what has another one is gone from the server.
 */
export interface FullRead {
  /** Counts the full reads. */
  readonly number: number;
  readonly stage: 'snapshot' | 'changes' | 'done';
  /** The next page of rows; absent: the first. */
  readonly page?: string;
  /** From where changes are read once the rows are: taken before the first page of them. */
  readonly cursor?: string;
  /** Only these are read again. The feed goes on from where it was: it has one cursor for all of them. */
  readonly collections?: readonly string[];
  /** Rows that it has met on its pages, and how many there were at its beginning, where the server says so. */
  readonly rows?: number;
  readonly total?: number;
  /** The server's database is another one: versions of before mean nothing. */
  readonly elsewhere?: true;
}

/** How far a pull got. A page is stored only where it was asked for. */
export interface Checkpoint {
  readonly cursor: string | undefined;
  readonly read: FullRead | undefined;
}

export function isSameCheckpoint(a: Checkpoint, b: Checkpoint): boolean {
  return (
    a.cursor === b.cursor &&
    a.read?.number === b.read?.number &&
    a.read?.stage === b.read?.stage &&
    a.read?.page === b.read?.page
  );
}

/** The full read that is under way there. Without a cursor there is one, from the first session on. */
export function readUnderWay({ cursor, read }: Checkpoint, snapshots: boolean): FullRead | undefined {
  if (read === undefined || read.stage === 'done')
    return cursor === undefined ? nextRead(read, snapshots) : undefined;
  if (read.stage === 'changes' || snapshots) return read;
  return read.collections === undefined ? { number: read.number, stage: 'changes' } : undefined;
}

/** @param snapshots whether the transport has them; otherwise the feed is read from its start */
export function nextRead(
  former: FullRead | undefined,
  snapshots: boolean,
  how: Pick<FullRead, 'elsewhere' | 'collections'> = {},
): FullRead {
  return { number: (former?.number ?? 0) + 1, stage: snapshots ? 'snapshot' : 'changes', ...how };
}

/** Which collections somebody wants to have read anew. */
export type Wanted = readonly string[] | 'all';

/** What is to be begun, if anything, for those who want that, while `read` is under way. */
export function widened(wanted: Wanted | undefined, read: FullRead | undefined): Wanted | undefined {
  if (wanted === undefined || (read !== undefined && read.collections === undefined)) return undefined;
  const { collections = [] } = read ?? {};
  if (wanted === 'all') return wanted;
  if (read !== undefined && wanted.every((name) => collections.includes(name))) return undefined;
  return [...new Set([...collections, ...wanted])];
}

/** How many full reads are over. */
export const readsDone = (read: FullRead | undefined): number =>
  read === undefined ? 0 : read.stage === 'done' ? read.number : read.number - 1;

/** After a page of the snapshot that was asked for at `from`. */
export function afterPage(from: Checkpoint, read: FullRead, page: SnapshotPage): Checkpoint {
  const { number, elsewhere, collections, cursor = page.cursor, total = page.total } = read;
  const so = {
    number,
    ...(elsewhere && { elsewhere }),
    ...(collections && { collections }),
    rows: (read.rows ?? 0) + page.rows.length,
    ...(total !== undefined && { total }),
  };
  if (page.next !== undefined)
    return { cursor: from.cursor, read: { ...so, stage: 'snapshot', cursor, page: page.next } };
  return { cursor: from.cursor ?? cursor, read: { ...so, stage: 'changes' } };
}

type Base = (key: EntityKey) => BaseRow | undefined;

/** The base as `read` sees it: where the database is another one, anything is newer than what was there before. */
export function baseFor(base: Base, read: FullRead | undefined): Base {
  if (read?.elsewhere !== true) return base;
  return (key) => {
    const row = base(key);
    return row === undefined || row.seen === read.number ? row : { ...row, version: undefined };
  };
}

/** What enters the base, and what was there as the page tells of it: that `read` has met it is stored, too. */
export function met(
  told: readonly ServerRow[],
  entering: readonly ServerRow[],
  base: Base,
  read: FullRead | undefined,
): readonly ServerRow[] {
  if (read === undefined) return entering;
  const rows = new Map(entering.map((row) => [keyOf(row), row]));
  for (const { collection, id } of told) {
    const key = keyOf({ collection, id });
    const row = rows.has(key) ? undefined : base(key);
    if (row !== undefined && row.seen !== read.number)
      rows.set(key, { ...row, collection, id, seen: read.number });
  }
  return [...rows.values()];
}

/** Rows that `read` has not met. What has no version never came from this server's feed: it is not judged by it. */
export function unmet(bases: Bases, { number, collections }: FullRead): Map<EntityKey, BaseRow> {
  const found = new Map<EntityKey, BaseRow>();
  for (const [collection, rows] of bases) {
    if (collections?.includes(collection) === false) continue;
    for (const [id, row] of rows)
      if (row.row !== undefined && row.version !== undefined && row.seen !== number)
        found.set(entityKey(collection, id), row);
  }
  return found;
}

/** The tombstone of a row that the server has forgotten. It keeps its version, so that no late answer revives it. */
export function forgotten(key: EntityKey, row: BaseRow, read: FullRead, needed: boolean): ServerRow {
  const was = needed ? (row.row ?? row.was) : undefined;
  return {
    ...splitKey(key),
    row: undefined,
    version: read.elsewhere === true ? undefined : row.version,
    seen: read.number,
    ...(was !== undefined && { was }),
  };
}
