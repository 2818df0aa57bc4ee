import { keyOf } from '../domain/changes.js';
import { rowChecksum, type Sum } from '../domain/checksum.js';
import { entityKey, type EntityKey, type Row, type ServerRow } from '../domain/entity.js';
import type { PullPage, SnapshotPage } from '../engine/ports.js';

/** A row as the server has it; its version counts accepted writes, deletes included. */
export type VersionedRow = ServerRow & { readonly version: number; readonly at: number };

/** What one transaction may do; nothing of it is seen before it commits. */
export interface ServerTransaction {
  /** The row now, tombstones included; undefined when there never was one. */
  find(collection: string, id: string): VersionedRow | undefined;
  get(collection: string, id: string): Row | undefined;
  put(collection: string, id: string, row: Row): void;
  delete(collection: string, id: string): void;
}

export interface ServerRows {
  find(collection: string, id: string): VersionedRow | undefined;
  all(): Iterable<VersionedRow>;
  /** Runs `work` and commits what it wrote when it says so. Returns the rows written. */
  transact(op: string | undefined, work: (tx: ServerTransaction) => boolean): readonly VersionedRow[];
  /** Undefined: the cursor is of another epoch. A page never splits a transaction. */
  page(cursor: string | undefined, limit: number): PullPage | undefined;
  /** Some of the live rows; undefined: the page is of another epoch. */
  snapshot(page: string | undefined, limit: number, only?: readonly string[]): SnapshotPage | undefined;
  /** What the live rows add up to now, by collection. */
  sums(): ReadonlyMap<string, Sum>;
  /** Begins a new epoch, whose feed holds the live rows only: what was deleted before is forgotten. */
  expireCursors(): void;
  /** Forgets the feed up to now: cursors from before are as those of another epoch. */
  collectChanges(): void;
}

type FeedTransaction = PullPage['changes'];

/**
 * An in-memory database with a feed in commit order.
 * @param now milliseconds since the epoch
 */
export function createServerRows(now: () => number): ServerRows {
  const rows = new Map<EntityKey, VersionedRow>();
  let feed: FeedTransaction[] = [];
  let epoch = 1;
  /** The position up to which the feed was forgotten. */
  let floor = 0;
  /** The keys of all rows in order; undefined when one has come since. */
  let sorted: readonly EntityKey[] | undefined;
  const find = (collection: string, id: string): VersionedRow | undefined =>
    rows.get(entityKey(collection, id));

  return {
    find,
    all: () => rows.values(),
    transact(op, work) {
      const written = new Map<EntityKey, VersionedRow>();
      const current = (collection: string, id: string): VersionedRow | undefined =>
        written.get(entityKey(collection, id)) ?? find(collection, id);
      const write = (collection: string, id: string, row: Row | undefined): void => {
        const version = (find(collection, id)?.version ?? 0) + 1;
        written.set(entityKey(collection, id), { collection, id, row, version, at: now() });
      };
      const commit = work({
        find: current,
        get: (collection, id) => current(collection, id)?.row,
        put: write,
        delete: (collection, id) => write(collection, id, undefined),
      });
      if (!commit || written.size === 0) return [];
      for (const [key, row] of written) {
        if (!rows.has(key)) sorted = undefined;
        rows.set(key, row);
      }
      feed.push([...written.values()].map((row) => ({ ...row, op })));
      return [...written.values()];
    },
    page(cursor, limit) {
      const [ofEpoch, position] = (cursor ?? `e${epoch}.0`).split('.');
      if (ofEpoch !== `e${epoch}`) return undefined;
      let next = Number(position);
      if (next < floor) return undefined;
      const changes: PullPage['changes'][number][] = [];
      for (; next < feed.length; next++) {
        const transaction = feed[next] ?? [];
        if (changes.length > 0 && changes.length + transaction.length > limit) break;
        changes.push(...transaction);
      }
      return { changes, cursor: `e${epoch}.${next}`, upToDate: next === feed.length };
    },
    sums() {
      const sums = new Map<string, Sum>();
      for (const { collection, id, row, version } of rows.values()) {
        if (row === undefined) continue;
        const { rows: before, checksum } = sums.get(collection) ?? { rows: 0, checksum: 0 };
        const added = rowChecksum(collection, id, version);
        sums.set(collection, { rows: before + 1, checksum: (checksum + added) % 2 ** 32 });
      }
      return sums;
    },
    snapshot(page = `e${epoch}.${feed.length}.`, limit, only) {
      const [, ofEpoch, position, after = ''] = /^(e\d+)\.(\d+)\.(.*)$/s.exec(page) ?? [];
      if (ofEpoch !== `e${epoch}`) return undefined;
      const isWanted = ({ row, collection }: VersionedRow): boolean =>
        row !== undefined && (only === undefined || only.includes(collection));
      sorted ??= [...rows.keys()].sort();
      const some: VersionedRow[] = [];
      let isMore = false;
      for (let i = firstAfter(sorted, after); i < sorted.length && !isMore; i++) {
        const row = rows.get(sorted[i] as EntityKey) as VersionedRow;
        if (!isWanted(row)) continue;
        isMore = some.length === limit;
        if (!isMore) some.push(row);
      }
      const last = some.at(-1);
      return {
        rows: some,
        next: isMore && last !== undefined ? `e${epoch}.${position}.${keyOf(last)}` : undefined,
        cursor: `e${epoch}.${position}`,
        ...(after === '' && { total: [...rows.values()].filter(isWanted).length }),
      };
    },
    collectChanges() {
      floor = feed.length;
    },
    expireCursors() {
      epoch++;
      floor = 0;
      feed = [...rows.values()].flatMap((row) =>
        row.row === undefined ? [] : [[{ ...row, op: undefined }]],
      );
    },
  };
}

/** The place of the first of `keys`, which are in order, that comes after `key`. */
function firstAfter(keys: readonly EntityKey[], key: EntityKey): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as EntityKey) > key) high = middle;
    else low = middle + 1;
  }
  return low;
}
