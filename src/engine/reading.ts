import { advanceBase } from '../domain/baseRows.js';
import { keyOf } from '../domain/changes.js';
import { isNewer, type BaseRow, type EntityKey, type ServerRow } from '../domain/entity.js';
import {
  afterPage,
  baseFor,
  forgotten,
  isSameCheckpoint,
  met,
  nextRead,
  readsDone,
  readUnderWay,
  unmet,
  type Checkpoint,
  type FullRead,
} from '../domain/fullRead.js';
import { departure, type Books, type Departure } from './departures.js';
import { META } from './ledger.js';
import type { MetaRecord, PullPage, SnapshotPage, StorageWrite } from './ports.js';
import type { Decision } from './settle.js';

/** Rows of the base as they were when a page was asked for. */
export type Suspects = ReadonlyMap<EntityKey, BaseRow>;

/** Lets a page of the snapshot into the base, if it was asked for where the read still is. */
export function planSnapshot(books: Books, page: SnapshotPage, from: Checkpoint): Departure | undefined {
  const { ledger, store } = books;
  const read = readUnderWay(from, true);
  if (read?.stage !== 'snapshot' || !isSameCheckpoint(ledger, from)) return undefined;
  const told = [{ rows: page.rows, changes: [] }];
  const needed = (key: EntityKey): boolean => store.pendingOn(key).length > 0;
  const entering = advanceBase(baseFor(store.base, read), told, needed, read.number);
  const parts = {
    leaving: [],
    rebased: new Map(),
    rows: met(page.rows, entering, store.base, read),
    put: { meta: storedCheckpoint(afterPage(from, read, page)) },
  };
  return departure(ledger, parts);
}

/** What is to be read anew, and how. */
export interface ReadAnew {
  readonly snapshots: boolean;
  readonly elsewhere?: boolean;
  /** Only these, from a snapshot; the feed goes on from where it is. */
  readonly collections?: readonly string[];
}

/** The write by which everything, or some of it, is read anew. It touches no row and no mutation. */
export function planReadAnew(
  { ledger }: Books,
  from: Checkpoint,
  { snapshots, elsewhere = false, collections }: ReadAnew,
): { readonly write: StorageWrite } | undefined {
  if (!isSameCheckpoint(ledger, from)) return undefined;
  const some = snapshots && from.cursor !== undefined ? collections : undefined;
  const read = nextRead(ledger.read, snapshots, {
    ...(elsewhere && { elsewhere }),
    ...(some && { collections: some }),
  });
  return { write: { put: { meta: storedCheckpoint({ cursor: some && from.cursor, read }) } } };
}

/** What a full read can tell to be gone by the end of a page that is yet to be asked for. */
export function suspects({ store }: Books, from: Checkpoint): Suspects {
  const read = readUnderWay(from, false);
  return read === undefined ? new Map() : unmet(store.bases(), read);
}

/**
 * What a page of changes is to a full read: the last one takes out, in one step, what the server has forgotten. What was
 * confirmed while that page was under way is not judged by it, but by the next.
 */
export function endOfRead(
  { store }: Books,
  page: PullPage,
  read: FullRead | undefined,
  suspected: Suspects,
): { readonly gone: readonly ServerRow[]; readonly meta: readonly MetaRecord[] } {
  if (read === undefined) return { gone: [], meta: [] };
  if (!page.upToDate) return { gone: [], meta: [{ key: META.read, value: read }] };
  const told = new Set(page.changes.map(keyOf));
  const gone: ServerRow[] = [];
  let open = false;
  for (const [key, row] of unmet(store.bases(), read)) {
    if (told.has(key)) continue;
    if (suspected.get(key) === row) gone.push(forgotten(key, row, read, store.pendingOn(key).length > 0));
    else open = true;
  }
  const end: FullRead = open ? read : { number: read.number, stage: 'done' };
  return { gone, meta: [{ key: META.read, value: end }] };
}

/**
 * Rows that an answer brings anew, or back, to what was sealed before a full read and answered after it, whatever it says. If
 * that was the second answer, they may be gone: they may have been deleted before that read, which did not meet them.
 */
export function mayBeGone({ ledger, store }: Books, decisions: readonly Decision[]): boolean {
  return decisions.some(({ members, rows }) => {
    const phase = members[0]?.phase;
    const reads = phase?.kind === 'sealed' ? (phase.sealed.reads ?? 0) : Infinity;
    if (readsDone(ledger.read) <= reads) return false;
    return rows.some((row) => {
      const known = store.base(keyOf(row));
      return row.row !== undefined && known?.row === undefined && isNewer(row.version, known);
    });
  });
}

export const storedCheckpoint = ({ cursor, read }: Checkpoint): readonly MetaRecord[] => [
  { key: META.cursor, value: cursor },
  { key: META.read, value: read },
];
