import { SyncError } from '../domain/errors.js';

/** `details.reason` of a `STORAGE` error. */
export type StorageReason =
  /** The origin's space is used up: nothing of the write was stored. */
  | 'quota'
  /** A value that structured clone refuses: nothing of the write was stored. */
  | 'value'
  /** There is no storage here (a server, an old private mode). */
  | 'missing'
  /** The browser would not open it (blocked site data, a third-party frame, a damaged profile). */
  | 'refused'
  /** A tab with an older version of the app does not let go of the database. */
  | 'blocked'
  /** Opening or deleting took too long, and nobody said why. */
  | 'timeout'
  /** The connection was lost, reopened, and lost again. */
  | 'connection'
  /** The connection was lost during the write, and what happened to the write can no longer be told. */
  | 'unknownOutcome'
  /** Called before `open`, after `close`, or opened twice. */
  | 'usage'
  /** Anything else; `cause` says what. */
  | 'failed';

export function storageError(reason: StorageReason, message: string, cause?: unknown): SyncError {
  return new SyncError('STORAGE', message, { details: { reason }, ...(cause !== undefined && { cause }) });
}

/** Puts a failure into the library's words: `doing` completes "Storage could not …". */
export function asStorageError(doing: string, cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  const named = (name: string) => hasName(cause, name);
  if (named('QuotaExceededError'))
    return storageError('quota', `Storage could not ${doing}: the space for this site is used up.`, cause);
  if (named('DataCloneError'))
    return storageError('value', `Storage could not ${doing}: a value cannot be cloned.`, cause);
  if (isConnectionLost(cause))
    return storageError('connection', `Storage could not ${doing}: the connection was lost again.`, cause);
  return storageError('failed', `Storage could not ${doing}.`, cause);
}

/**
 * Whether a new connection may help. Browsers close connections by themselves: when a tab sleeps, when the storage
 * process dies, when site data is cleared. They abort what was running, and the abort carries no other reason.
 */
export function isConnectionLost(error: unknown): boolean {
  if (hasName(error, 'QuotaExceededError') || hasName(error, 'DataCloneError')) return false;
  return CONNECTION_LOST.some((name) => hasName(error, name));
}

const CONNECTION_LOST = [
  'InvalidStateError',
  'DatabaseClosedError',
  'UnknownError',
  'AbortError',
  'TransactionInactiveError',
  'PrematureCommitError',
];

/** Dexie wraps: the reason of an aborted commit is in `inner`, those of a bulk operation in `failures`. */
function hasName(error: unknown, name: string): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const e = error as { name?: unknown; inner?: unknown; failures?: unknown };
  return (
    e.name === name ||
    (e.inner !== error && hasName(e.inner, name)) ||
    (Array.isArray(e.failures) && e.failures.some((failure) => hasName(failure, name)))
  );
}
