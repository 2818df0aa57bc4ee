import { describe, SyncError } from './errors.js';

/** A row as the store keeps it: plain data, never mutated, shared by identity. */
export type Row = Readonly<Record<string, unknown>>;

/** `collection/id`; collection names hold no slash, so the key is unambiguous. */
export type EntityKey = string;

/** Which row. Its key is made of it where it has to be found by one text. */
export interface EntityRef {
  readonly collection: string;
  readonly id: string;
}

/** A version as the server gives it. Numbers order; anything else can only be compared for equality. */
export type Version = number | string;

/** What the server has confirmed of one entity. `row: undefined` is a tombstone: a late older row must not revive it. */
export interface BaseRow {
  readonly row: Row | undefined;
  readonly version: Version | undefined;
  /** When it was last written, in milliseconds since the epoch by the server's clock, where it says so. */
  readonly at?: number;
  /** The version since which only this client has written it; absent: another wrote last. */
  readonly ownSince?: Version;
  /** Of a tombstone: the row that went, as long as something pending may need it as a whole (RD5). */
  readonly was?: Row;
  /** The number of the last full read that met it (PL1). */
  readonly seen?: number;
}

/** The base rows of each collection, tombstones included. */
export type Bases = Iterable<readonly [collection: string, rows: ReadonlyMap<string, BaseRow>]>;

/** One entity as the server reported it. */
export interface ServerRow extends BaseRow, EntityRef {}

export function entityKey(collection: string, id: string): EntityKey {
  return `${collection}/${id}`;
}

/** Whether `key` is the key of `of`: to make that one only to compare it would cost more. */
export function isKeyOf(key: EntityKey, { collection, id }: EntityRef): boolean {
  return (
    key.length === collection.length + 1 + id.length && key.startsWith(`${collection}/`) && key.endsWith(id)
  );
}

/** As errors name it. */
export function nameOf({ collection, id }: EntityRef): string {
  return `${collection} "${id}"`;
}

export function splitKey(key: EntityKey): EntityRef {
  const slash = key.indexOf('/');
  return { collection: key.slice(0, slash), id: key.slice(slash + 1) };
}

export const MAX_ID_LENGTH = 256;

/** Ids are non-empty strings of at most {@link MAX_ID_LENGTH} characters. Any other character is data (LF3). */
export function checkId(collection: string, id: unknown): asserts id is string {
  if (typeof id !== 'string')
    throw new SyncError(
      'INVALID_ID',
      `${collection}: an id is a string, received ${describe(id)}. Convert it, e.g. String(id).`,
    );
  if (id === '' || id.length > MAX_ID_LENGTH)
    throw new SyncError(
      'INVALID_ID',
      `${collection}: an id has 1 to ${MAX_ID_LENGTH} characters, received ${id.length}.`,
    );
}

/**
 * Whether a server row of version `incoming` may replace what is known: base never goes back (RD3). An unversioned row
 * never replaces a versioned one, and versions that cannot be ordered replace when they differ.
 */
export function isNewer(incoming: Version | undefined, known: BaseRow | undefined): boolean {
  if (known?.version === undefined) return true;
  if (incoming === undefined) return false;
  if (typeof incoming === 'number' && typeof known.version === 'number') return incoming > known.version;
  return incoming !== known.version;
}
