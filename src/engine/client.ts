import type { StoreApi } from 'zustand/vanilla';
import type { Draft } from 'immer';
import type { AuditEntry } from '../domain/audit.js';
import type { AnyCollection, Collection, RowOf } from '../domain/collection.js';
import type { Definition } from '../domain/definition.js';
import type { Priority, Token } from '../domain/mutation.js';
import type { Query } from '../domain/query.js';
import type { Resolution } from '../domain/resolution.js';
import type { PullOperation, PullResult } from '../domain/session.js';
import type { EntityStatus, SyncStatus } from '../domain/status.js';
import type { ConflictFilter, ConflictView } from './conflictView.js';
import type { DeadLetterFilter, DeadLetterView } from './deadLetterView.js';
import type { SyncEventName, SyncEvents } from './events.js';
import type { MutateOptions } from './mutateOptions.js';
import type { PendingFilter, PendingMutationView } from './pendingView.js';
import type { MutationHandle } from './settlement.js';
import type { StoreState } from './storeApi.js';
import type { ProcessingSummary } from './summary.js';

export interface SyncRequest {
  /** @default 'both' */
  readonly direction?: 'push' | 'pull' | 'both';
  /** `full` reads everything again and takes out what the server no longer has. @default 'delta' */
  readonly operation?: PullOperation;
  /**
   * Only what touches these is waited for, and a full read reads only these. A delta still brings what changed in the
   * others: the feed has one cursor for all. @default all
   */
  readonly collections?: readonly AnyCollection[];
  /** Only mutations of at least this priority are waited for; they are sent first anyway. @default 'background' */
  readonly priority?: Priority;
  /** Ends it at any point; what is stored by then stays, and the next session goes on from there. */
  readonly signal?: AbortSignal;
}

export interface SyncResult {
  /**
   * `failed`: the pull, see `pulled`; `elsewhere`: another tab drains, and has been told; `paused`: nothing was done. What
   * became of each mutation is in `summary`.
   */
  readonly status: 'completed' | 'failed' | 'elsewhere' | 'paused';
  readonly summary: ProcessingSummary;
  /** Absent when nothing was pulled. */
  readonly pulled: PullResult | undefined;
}

/** What is read and watched: `get()` returns the same object until something changed. */
export interface Watchable<T> {
  get(): T;
  subscribe(listener: () => void): () => void;
}

export interface SyncClient {
  readonly namespace: string;
  /** Resolves when the storage is open and the view restored. Calls before it are kept. Never rejects. */
  readonly ready: Promise<void>;
  /** The Zustand store of all visible rows. Read it with `useStore`; it is written by the client only. */
  readonly store: StoreApi<StoreState>;
  readonly status: Watchable<SyncStatus>;

  /** Shows the change at once and queues it. Throws `VALIDATION`, `NOT_SERIALIZABLE`, … and queues nothing. */
  mutate<V, R>(
    definition: Definition<V, R>,
    variables: NoInfer<V>,
    options?: MutateOptions,
  ): MutationHandle<R>;
  insert<T extends object>(collection: Collection<T>, row: T, options?: MutateOptions): MutationHandle;
  /** Edits a draft of the row, or sets fields of it; an undefined field is removed. */
  update<T extends object>(
    collection: Collection<T>,
    id: string,
    edit: ((draft: Draft<T>) => void) | Partial<T>,
    options?: MutateOptions,
  ): MutationHandle;
  delete(collection: AnyCollection, id: string, options?: MutateOptions): MutationHandle;

  get<T extends object>(collection: Collection<T>, id: string): T | undefined;
  /**
   * The rows that `query` asks for: the same array until one of them changed. It is kept up to date where it is data, or
   * this very query is subscribed to; any other function as `where` is asked about every row.
   */
  query<T extends object>(collection: Collection<T>, query?: Query<T>): readonly T[];
  /** Calls `listener` after the row of an id, the rows of a query, or with undefined any row, of the collection changed. */
  subscribe<C extends AnyCollection>(
    collection: C,
    of: string | Query<RowOf<C>> | undefined,
    listener: () => void,
  ): () => void;
  /** A key for React that stays the same as long as the row exists. */
  keyOf<T extends object>(collection: Collection<T>, row: T): string;
  entityStatus(collection: AnyCollection, id: string): EntityStatus;

  /**
   * Takes an unsent mutation back, exactly that one (MU3). Resolves to `'settled'` when it is already decided. Rejects
   * with `ALREADY_SENT` when it may have reached the server.
   */
  rollback(token: Token): Promise<'cancelled' | 'settled'>;
  /**
   * Takes a mutation back whether or not it was sent (MU4): an unsent one is rolled back (`'cancelled'`), and so is the value of a
   * refused one that is still shown; of one that
   * may have arrived the inverse is queued (`'queued'`), which touches only what nobody has changed since;
   * `'settled'`: there is nothing left to undo. Rejects with `NOT_UNDOABLE`.
   */
  undo(token: Token): Promise<'cancelled' | 'queued' | 'settled'>;
  pending(filter?: PendingFilter): readonly PendingMutationView[];
  deadLetters(filter?: DeadLetterFilter): readonly DeadLetterView[];
  /**
   * Tries a dead letter again under its token, with its own variables or edited ones (RT7): shown once it is durable
   * (`enqueued`). What was refused only because of it comes back with it. `UNKNOWN_TOKEN` rejects it when it was
   * repaired, discarded or accepted elsewhere meanwhile. Throws `UNKNOWN_TOKEN`, or what the mutation itself throws: then it stays.
   */
  retry(token: Token, editedVariables?: unknown): MutationHandle;
  /** Forgets a dead letter for good; takes its value back, where it is still shown. */
  discard(token: Token): Promise<void>;
  /** What waits for the user to decide: another has changed the same (CF4). Of any tab, also of former sessions. */
  conflicts(filter?: ConflictFilter): readonly ConflictView[];
  /**
   * Decides a conflict: `'mine'`, `'theirs'`, `{ fields }` with a value for each contested field, or
   * `{ rows: { 'collection/id': … } }` row by row. Resolves as the mutation does; at once, where nothing is left to send.
   * Throws `VALIDATION` for what does not fit it, `UNKNOWN_TOKEN` when there is no such conflict.
   */
  resolve(id: Token, resolution: Resolution): MutationHandle;
  /** What became of conflicts, oldest first: the last 200 of this storage (CF5). */
  audit(): readonly AuditEntry[];
  /** The same as JSON. */
  exportAudit(): string;
  /** Called after pending mutations, dead letters or their states changed; changes of one tick are one call. */
  watchMutations(listener: () => void): () => void;

  /**
   * Sends what can be sent, and reads what is new, now (PL3). Calls that come while a session is under way share its
   * pages. A tab that does not drain tells the one that does, and resolves at once; so does a paused client. Rejects with
   * the signal's reason; throws `INVALID_OPTIONS`.
   */
  sync(request?: SyncRequest): Promise<SyncResult>;
  pause(): void;
  resume(): void;
  /** Resolves when everything called before has settled. Rejects with the signal's reason. */
  flush(options?: { readonly signal?: AbortSignal }): Promise<void>;
  on<E extends SyncEventName>(event: E, listener: (data: SyncEvents[E]) => void): () => void;
  /** Stops everything and closes the storage. What is pending stays stored. */
  dispose(): Promise<void>;
}
