// The shapes on the wire: one place for what clients send and what they get.

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. Its keys are data: `__proto__` and `constructor` are ordinary fields. */
export interface JsonObject {
  readonly [field: string]: JsonValue;
}

/** Creates a row. A row that already has the same content counts as created. */
export interface Insert {
  readonly kind: 'insert';
  readonly type: string;
  readonly id: string;
  readonly data: JsonObject;
  /** Refuse with 412 unless this is the version of the row's tombstone (0: the row never existed). */
  readonly ifVersion?: number | undefined;
}

/** Sets and removes top-level fields of a row. */
export interface Update {
  readonly kind: 'update';
  readonly type: string;
  readonly id: string;
  /** Fields set to exactly the value given; `null` is a value, not a removal. */
  readonly patch: JsonObject;
  /** Fields removed. */
  readonly unset?: readonly string[] | undefined;
  /** Refuse with 412 unless the row has this version. */
  readonly ifVersion?: number | undefined;
}

/** Deletes a row. A row that is not there counts as deleted. */
export interface Delete {
  readonly kind: 'delete';
  readonly type: string;
  readonly id: string;
  /** Refuse with 412 unless the row has this version. */
  readonly ifVersion?: number | undefined;
}

/** The effect on one row. */
export type Change = Insert | Update | Delete;

/** Several changes, all or none. */
export interface Group {
  readonly kind: 'group';
  readonly changes: readonly Change[];
}

/** A named piece of server code, run inside the op's transaction. */
export interface Command {
  readonly kind: 'command';
  readonly name: string;
  readonly args: JsonValue;
}

/** One mutation as sent. `op` and `rev` together are its idempotency key, within one subject. */
export type Op = (Change | Group | Command) & {
  readonly op: string;
  readonly rev: number;
  /** Tokens of ops which must have been accepted before this one (424 otherwise). */
  readonly after: readonly string[];
  /**
   * Tokens of ops that may have been accepted before this one: the versions they made of its rows are as good as the
   * one it says.
   */
  readonly follows?: readonly string[] | undefined;
};

/** A row as the server has it. `data` is `null` when it is deleted; `version` 0 means it never existed. */
export interface Entity {
  readonly type: string;
  readonly id: string;
  /** Starts at 1 and grows by exactly 1 with every accepted write, deletes included. */
  readonly version: number;
  readonly data: JsonObject | null;
  /** When it was last written, in milliseconds since the epoch; absent: it never existed. */
  readonly at?: number;
}

/** A problem document (RFC 9457). */
export interface Problem {
  /** `urn:holdfast:problem:<name>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly [member: string]: unknown;
}

/** What became of one op. */
export interface OpResult {
  /** The op's token; `null` when none could be read. */
  readonly op: string | null;
  readonly rev: number | null;
  /** 200, or the status of `problem`. */
  readonly status: number;
  /** The rows the op touched, as they are after it. Empty unless accepted. */
  readonly entities: readonly Entity[];
  readonly problem?: Problem;
  /** What a command returned. */
  readonly result?: JsonValue;
  /** True when this is the stored reply of an earlier request and nothing was written. */
  readonly replayed: boolean;
}

/** The answer to `POST /ops`. Ops without a result are undecided: send them again, byte for byte. */
export interface PushReply {
  /** In the order of the request. */
  readonly results: readonly OpResult[];
  /** A position of the feed that covers every accepted op of this reply. Left out if it could not be read. */
  readonly cursor?: string;
  /** ISO 8601, UTC. */
  readonly serverTime: string;
}

/** One accepted write, as the feed tells it. */
export interface FeedChange extends Entity {
  readonly deleted: boolean;
  readonly op: string | null;
  readonly rev: number | null;
  readonly client: string | null;
}

/** One page of the feed. */
export interface FeedPage {
  readonly changes: readonly FeedChange[];
  /** Pass as `since` to go on. */
  readonly cursor: string;
  /** False when more changes are already there. */
  readonly upToDate: boolean;
  /** What the live rows add up to at `cursor`; where it was asked for, with a page that is up to date. */
  readonly sums?: readonly TypeSum[];
}

/** What the live rows of one type add up to; a type that is not there has none. */
export interface TypeSum {
  readonly type: string;
  readonly rows: number;
  /**
   * Of each row 32 bits of `type/id@version` (FNV-1a over UTF-16 units, then the finalizer of MurmurHash3), added up
   * modulo 2^32.
   */
  readonly checksum: number;
}

/** One page of the rows of a scope. */
export interface SnapshotPage {
  readonly entities: readonly Entity[];
  /** Pass as `page` for the next one; `null` on the last. */
  readonly next: string | null;
  /** Taken before the first page: pull from here when the snapshot is complete. */
  readonly cursor: string;
  /** Of the first page: how many rows there are now, on all pages together, where that is known. */
  readonly total?: number;
}
