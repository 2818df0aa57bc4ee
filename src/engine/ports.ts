import type { BaseRow, EntityKey } from '../domain/entity.js';
import type { DeadLetter, MutationRecord, Sealed, StoredOutcome } from '../domain/mutation.js';
import type { OutgoingOp, PullPage, Reply, SnapshotPage } from '../domain/reply.js';

/** Time. Everything in the engine that waits or stamps asks for it here. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. For people to read, never to order or expire by. */
  now(): number;
  /** Milliseconds that never go back, from an arbitrary origin. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Resolves after the task that runs now, and at once where there may be no other: in a page that is hidden, or goes
   * away meanwhile. What is shown comes before what waits for it. Never rejects. @default at once
   */
  turn?(): Promise<void>;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** One group commit: the mutations of one tick, at most a few hundred. */
export interface LogRecord {
  /** Assigned by the storage, ascending, never reused: the order of all mutations in all tabs (OB3). */
  readonly seq: number;
  readonly mutations: readonly MutationRecord[];
}

/** The mutations sealed for one send. */
export interface SealRecord {
  readonly id: string;
  readonly sealed: readonly Sealed[];
}

/** A row the server has confirmed; `row: undefined` is a tombstone. */
export interface StoredRow extends BaseRow {
  readonly key: EntityKey;
}

/** Rows as they are read: by collection, then by id. The reader may keep the inner maps, and change them. */
export type RowsRead = ReadonlyMap<string, Map<string, BaseRow>>;

export interface MetaRecord {
  readonly key: string;
  readonly value: unknown;
}

export interface StorageTables {
  log: LogRecord;
  seals: SealRecord;
  rows: StoredRow;
  deadLetters: DeadLetter;
  meta: MetaRecord;
}

/** The property that identifies a record of each table. */
export const STORAGE_KEYS: {
  readonly log: 'seq';
  readonly seals: 'id';
  readonly rows: 'key';
  readonly deadLetters: 'token';
  readonly meta: 'key';
} = {
  log: 'seq',
  seals: 'id',
  rows: 'key',
  deadLetters: 'token',
  meta: 'key',
} satisfies { [T in keyof StorageTables]: keyof StorageTables[T] };

/** One atomic write. Everything in it is stored, or nothing. */
export interface StorageWrite {
  /** Commit only when the storage is still at this revision: the compare-and-swap that makes two drainers safe. */
  readonly ifRevision?: number;
  /** New log records; each gets the next sequence. */
  readonly append?: readonly (readonly MutationRecord[])[];
  readonly put?: { readonly [T in keyof StorageTables]?: readonly StorageTables[T][] };
  readonly remove?: {
    readonly log?: readonly number[];
    readonly seals?: readonly string[];
    readonly deadLetters?: readonly string[];
    /** Rows that a load could not read, by the keys it gave: the server has them, too. */
    readonly unreadableRows?: readonly unknown[];
  };
  /** What became of mutations that leave the log in this write: the journal by which other tabs settle their promises. */
  readonly outcomes?: readonly StoredOutcome[];
}

export interface StorageReceipt {
  /** The storage's revision after this write; every write raises it by one. */
  readonly revision: number;
  /** The sequences of `append`, in order. */
  readonly seqs: readonly number[];
}

export interface StorageState {
  readonly revision: number;
  /** Only what was written after `since` is here, as it is now, and `removed` says what is gone; else everything is here. */
  readonly partial: boolean;
  readonly log: readonly LogRecord[];
  readonly seals: readonly SealRecord[];
  readonly deadLetters: readonly DeadLetter[];
  readonly meta: readonly MetaRecord[];
  readonly rows: RowsRead;
  /** What was taken out after `since`, and was not put again. Empty unless `partial`. */
  readonly removed: {
    readonly log: readonly number[];
    readonly seals: readonly string[];
    readonly deadLetters: readonly string[];
  };
  /** Outcomes journalled after `since`. Bounded: the storage forgets old ones. */
  readonly outcomes: readonly StoredOutcome[];
  /** Records that could not be read, by table and key: left in place, reported, the others are fine (OB7). */
  readonly unreadable: readonly {
    readonly table: keyof StorageTables;
    readonly key: unknown;
    readonly cause: unknown;
  }[];
}

/**
 * The outbox's storage. Contract (see `runStorageContract`):
 * - `write` is atomic, and resolves only when the transaction has completed with strict durability (OB1);
 * - `write` resolves to `'stale'`, changing nothing, when `ifRevision` is not the current revision;
 * - sequences ascend in commit order, across tabs and restarts, and are never reused (OB3);
 * - values survive as structured clone carries them (OB6); keys are data, whatever they spell (LF3);
 * - no method waits for anything but the storage itself.
 */
export interface SyncStorage {
  /** Whether what is written survives the end of the process. */
  readonly durable: boolean;
  /** Opens or creates the storage of one namespace. Rejects when it cannot: the client then goes on in memory. */
  open(namespace: string): Promise<void>;
  /**
   * One consistent read: everything, or (given a revision this instance has read before) what was written since. That
   * costs what was written, not what is there; of what was written too long ago to tell, everything is read.
   */
  load(since?: number): Promise<StorageState>;
  write(write: StorageWrite): Promise<StorageReceipt | 'stale'>;
  /** Deletes everything of this namespace. */
  destroy(): Promise<void>;
  close(): Promise<void>;
}

export type { OutgoingOp, Problem, PullPage, Reply, SnapshotPage } from '../domain/reply.js';

export type PullReply =
  | { readonly kind: 'page'; readonly page: PullPage }
  | { readonly kind: 'snapshot'; readonly page: SnapshotPage }
  /** It does not go on from there; `elsewhere`: for the server's database is another one. Everything is read again. */
  | { readonly kind: 'resync'; readonly elsewhere?: true }
  | { readonly kind: 'failed'; readonly reply: Exclude<Reply, { kind: 'omitted' }> };

export interface PullRequest {
  /** What changed since; undefined: since the beginning. */
  readonly cursor: string | undefined;
  /** Asks for a page of all rows instead; `page: undefined` is the first. Only where the transport has `snapshots`. */
  readonly snapshot?: {
    readonly page: string | undefined;
    /** Only rows of these are needed; more of them do no harm. */
    readonly collections?: readonly string[];
  };
  /** How many changes or rows are wanted; the server may send fewer, or a few more. */
  readonly limit?: number;
  /** Whether a page that is up to date is to say what the rows add up to (PL4). A server need not know it. */
  readonly sums?: boolean;
  readonly signal: AbortSignal;
}

/** What sends mutations. Resolves whatever the network does; rejects only for a bug. */
export interface Transport {
  /** Whether ops of one push are carried out in order, so that a lane may have several in one batch. */
  readonly ordered: boolean;
  /** `maxBytes` bounds the UTF-8 bytes of all bodies of one push together. */
  readonly limits: { readonly maxBatch: number; readonly maxBytes: number };
  /** The bytes of an op, made once, at sealing (OB5). Throws `NOT_SERIALIZABLE` or `TOO_LARGE`. */
  encode(op: OutgoingOp): string;
  /** One reply per op, in order. */
  push(sealed: readonly SealedOp[], context: { readonly signal: AbortSignal }): Promise<readonly Reply[]>;
  pull?(request: PullRequest): Promise<PullReply>;
  /** Whether `pull` serves snapshots. Without them everything is read from the feed's beginning. */
  readonly snapshots?: boolean;
  /** The most changes or rows that `pull` is to be asked for at once. @default 1_000 */
  readonly maxPage?: number;
}

export interface SealedOp {
  readonly token: string;
  readonly rev: number;
  readonly body: string;
  /** Whether the server may have seen it: sealed in an earlier session, or sent before in this one. Absent: not known. */
  readonly resent?: boolean;
}

/** Says when the server has news. Data always comes by pull, so a lost or doubled poke is harmless. */
export interface ChangeSource {
  /**
   * Calls `poke` until `signal` is aborted; reconnects by itself; pokes after every (re)connection. One that says whether
   * it is connected lets the client poll at a tenth of the pace meanwhile.
   */
  listen(poke: () => void, signal: AbortSignal, connected?: (is: boolean) => void): void;
}

/** The platform's opinion of the network: a hint either way, never a veto (NQ1). */
export interface Connectivity {
  readonly online: boolean;
  /** Calls `listener` when the opinion changes or the page wakes. Returns the unsubscribe. */
  subscribe(listener: () => void): () => void;
}

/** The right to drain: at most one holder per name at a time, where the platform can promise that. */
export interface Lease {
  /** Waits for the lease, then runs `work` while holding it. `work` ends when `signal` is aborted. Never rejects. */
  hold(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void>;
}

/** A hint to the other tabs of this namespace that the storage changed. May be lost; never carries data. */
export interface TabChannel {
  open(namespace: string, heard: () => void): { announce(): void; close(): void };
}

export interface Logger {
  warn(message: string, ...details: unknown[]): void;
}

/** What this environment offers; the entries fill it in. */
export interface Platform {
  readonly storage: () => SyncStorage;
  /** Used when `storage` cannot be opened. */
  readonly fallback: () => SyncStorage;
  readonly connectivity: () => Connectivity;
  readonly lease: () => Lease;
  readonly tabs: () => TabChannel;
  readonly clock: Clock;
  readonly random: Random;
  readonly createId: () => string;
  readonly logger: Logger;
}
