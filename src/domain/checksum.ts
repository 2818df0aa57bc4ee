import type { Bases, Version } from './entity.js';

/** What the rows of one collection add up to, in whatever order (PL4). */
export interface Sum {
  readonly rows: number;
  /** The sum of `rowChecksum` of each of them, modulo 2^32. */
  readonly checksum: number;
}

/**
 * 32 bits of a row's identity and version: FNV-1a over the UTF-16 units of `type/id@version`, then the finalizer of
 * MurmurHash3, so that differences do not cancel out when they are added up.
 */
export function rowChecksum(collection: string, id: string, version: Version): number {
  let hash = 0x811c9dc5;
  for (const part of [collection, '/', id, '@', String(version)]) hash = fnv(hash, part);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function fnv(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Some milliseconds. */
const ROWS_AT_ONCE = 10_000;

/**
 * The collections of which the server has something else than `bases`, of those in `names`; others may have their turn
 * at each yield. A row without a version never came from this server's feed: it is not judged by it.
 */
export function* differing(
  names: Iterable<string>,
  told: ReadonlyMap<string, Sum>,
  bases: Bases,
): Generator<undefined, readonly string[]> {
  let looked = 0;
  const own = new Map([...names].map((name) => [name, { rows: 0, checksum: 0 }]));
  for (const [collection, rows] of bases) {
    const sum = own.get(collection);
    if (sum === undefined) continue;
    for (const [id, { row, version }] of rows) {
      if (++looked % ROWS_AT_ONCE === 0) yield;
      if (row === undefined || version === undefined) continue;
      sum.rows++;
      sum.checksum = (sum.checksum + rowChecksum(collection, id, version)) >>> 0;
    }
  }
  return [...own]
    .filter(([name, { rows, checksum }]) => {
      const { rows: theirs = 0, checksum: total = 0 } = told.get(name) ?? {};
      return rows !== theirs || checksum !== total;
    })
    .map(([name]) => name);
}
