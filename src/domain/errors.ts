/** Who can do something about an error: trying again, the user, or whoever runs the system. */
export type Recovery = 'retry' | 'user' | 'system';

/** Every code a {@link SyncError} can carry. `docs/errors.md` gives cause and remedy. */
export type SyncErrorCode =
  | 'VALIDATION'
  | 'NOT_SERIALIZABLE'
  | 'TOO_LARGE'
  | 'UNKNOWN_COLLECTION'
  | 'UNKNOWN_DEFINITION'
  | 'INVALID_OPTIONS'
  | 'INVALID_ID'
  | 'INVALID_ROW'
  | 'INVALID_RECIPE'
  | 'ENTITY_NOT_FOUND'
  | 'ENTITY_EXISTS'
  | 'UNKNOWN_TOKEN'
  | 'ALREADY_SENT'
  | 'NOT_UNDOABLE'
  | 'CANCELLED'
  | 'REFUSED'
  | 'FORBIDDEN'
  | 'CONFLICT'
  | 'RESOLVER_FAILED'
  | 'DEPENDENCY'
  | 'NETWORK'
  | 'TIMEOUT'
  | 'UNAVAILABLE'
  | 'UNEXPECTED_RESPONSE'
  | 'UNCLASSIFIED'
  | 'GIVEN_UP'
  | 'OUTCOME_UNKNOWN'
  | 'UNAUTHORIZED'
  | 'CLIENT_OUTDATED'
  | 'HANDLER_MISSING'
  | 'MIGRATION_FAILED'
  | 'UNREADABLE'
  | 'STORAGE'
  | 'DUAL_FAILURE'
  | 'DISPOSED';

/** Who can remedy each. */
const RECOVERY: Readonly<Record<SyncErrorCode, Recovery>> = {
  VALIDATION: 'user',
  NOT_SERIALIZABLE: 'user',
  TOO_LARGE: 'user',
  UNKNOWN_COLLECTION: 'system',
  UNKNOWN_DEFINITION: 'system',
  INVALID_OPTIONS: 'system',
  INVALID_ID: 'user',
  INVALID_ROW: 'user',
  INVALID_RECIPE: 'system',
  ENTITY_NOT_FOUND: 'user',
  ENTITY_EXISTS: 'user',
  UNKNOWN_TOKEN: 'user',
  ALREADY_SENT: 'user',
  NOT_UNDOABLE: 'system',
  CANCELLED: 'user',
  REFUSED: 'user',
  FORBIDDEN: 'user',
  CONFLICT: 'user',
  RESOLVER_FAILED: 'system',
  DEPENDENCY: 'user',
  NETWORK: 'retry',
  TIMEOUT: 'retry',
  UNAVAILABLE: 'retry',
  UNEXPECTED_RESPONSE: 'retry',
  UNCLASSIFIED: 'retry',
  GIVEN_UP: 'user',
  OUTCOME_UNKNOWN: 'user',
  UNAUTHORIZED: 'user',
  CLIENT_OUTDATED: 'system',
  HANDLER_MISSING: 'system',
  MIGRATION_FAILED: 'system',
  UNREADABLE: 'system',
  STORAGE: 'system',
  DUAL_FAILURE: 'system',
  DISPOSED: 'system',
};

export const SYNC_ERROR_CODES: readonly SyncErrorCode[] = Object.keys(RECOVERY) as SyncErrorCode[];

export interface SyncErrorOptions {
  readonly cause?: unknown;
  /** The HTTP status the server answered with, if it answered. */
  readonly status?: number;
  /** Facts a program may act on: the path of an offender, a problem document, the ids involved. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The one error of this library. `code` is stable and safe to switch on; `message` says what was received and
 * what to do, and is never matched on; `cause` is never lost.
 */
export class SyncError extends Error {
  override readonly name: string = 'SyncError';
  readonly code: SyncErrorCode;
  readonly recovery: Recovery;
  readonly status: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: SyncErrorCode, message: string, options: SyncErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = RECOVERY[code];
    this.status = options.status;
    this.details = options.details ?? {};
  }
}

/** The server failed, and so did the storage that was to keep it: neither error hides the other (RT8). */
export class DualFailureError extends SyncError {
  override readonly name = 'DualFailureError';
  readonly remote: SyncError;
  readonly local: SyncError;

  constructor(remote: SyncError, local: SyncError) {
    super('DUAL_FAILURE', `${remote.message} And it could not be stored: ${local.message}`, { cause: local });
    this.remote = remote;
    this.local = local;
  }
}

/** An error as plain data, for storage: survives structured clone whatever `cause` was. */
export interface StoredError {
  readonly code: SyncErrorCode;
  readonly message: string;
  readonly status?: number;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function storeError(error: SyncError): StoredError {
  return {
    code: error.code,
    message: error.message,
    ...(error.status !== undefined && { status: error.status }),
    ...(Object.keys(error.details).length > 0 && { details: cloneableOnly(error.details) }),
  };
}

// Details may come from an app's own error; one that cannot be stored must not keep the error from being stored.
function cloneableOnly(details: SyncError['details']): SyncError['details'] {
  return Object.fromEntries(
    Object.entries(details).filter(([, value]) => {
      try {
        structuredClone(value);
        return true;
      } catch {
        return false;
      }
    }),
  );
}

export function restoreError(stored: StoredError): SyncError {
  return new SyncError(stored.code, stored.message, {
    ...(stored.status !== undefined && { status: stored.status }),
    ...(stored.details !== undefined && { details: stored.details }),
  });
}

/** Names a value in an error message: short, and safe for anything that can be thrown or passed. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 60
        ? `the string "${value.slice(0, 57)}…" (${value.length} characters)`
        : `the string "${value}"`;
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `the bigint ${String(value)}`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return describeObject(value);
  }
}

function describeObject(value: object | null): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const proto = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
  const name = typeof proto?.constructor === 'function' ? proto.constructor.name : 'Object';
  return name === 'Object' ? 'an object' : `a ${name}`;
}
