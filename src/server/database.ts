/** A value passed to SQL as a parameter. JSON goes as text (`$1::text::jsonb`). */
export type SqlValue = string | number | boolean | null | readonly string[];

/** Runs one statement with `$1…` parameters. Nothing is ever built from strings into `text`. */
export interface Sql {
  query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
}

/** An open transaction, READ COMMITTED. */
export interface Transaction extends Sql {
  /** Several statements without parameters (migrations). */
  script(text: string): Promise<void>;
}

/** How a transaction ends, and what it hands back. */
export interface Ending<T> {
  readonly commit: boolean;
  readonly value: T;
}

/** What a {@link Database.listen} subscriber is told. */
export interface ChannelListener {
  onMessage(payload: string): void;
  /** The session was lost and is back: anything may have been missed. */
  onReconnect(): void;
}

/**
 * The port to PostgreSQL. The same SQL runs on every adapter.
 *
 * Contract: every failure of the database is a {@link DatabaseError}; an error thrown by `work` itself comes
 * out as it is. `listen` keeps its session alive by itself; notifications are hints and may be lost.
 */
export interface Database extends Sql {
  /** Begins, runs `work`, then commits or rolls back as it says; rolls back when it throws. */
  transaction<T>(work: (tx: Transaction) => Promise<Ending<T>>): Promise<T>;
  /** Resolves, once it listens, with the function that ends it. */
  listen(channel: string, listener: ChannelListener): Promise<() => Promise<void>>;
  /** Frees all connections. Running statements may fail. */
  close(): Promise<void>;
}

/**
 * - `unavailable` nothing wrong with the request: connection lost, lock timeout, serialization, shutdown. The
 *   outcome of a commit is unknown; try again.
 * - `rejected` the database refuses the data (constraint, unstorable value): trying again changes nothing.
 * - `broken` everything else: a bug or a wrong set-up.
 */
export type DatabaseErrorKind = 'unavailable' | 'rejected' | 'broken';

/** A failure of the database, sorted by SQLSTATE. */
export class DatabaseError extends Error {
  readonly kind: DatabaseErrorKind;
  /** The five-character SQLSTATE, if the server gave one. */
  readonly sqlState: string | undefined;
  override readonly name = 'DatabaseError';

  constructor(kind: DatabaseErrorKind, cause: unknown, sqlState?: string) {
    super(`Database ${kind}${sqlState === undefined ? '' : ` (SQLSTATE ${sqlState})`}`, { cause });
    this.kind = kind;
    this.sqlState = sqlState;
  }
}

// SQLSTATE classes and codes, PostgreSQL manual, appendix A.
const UNAVAILABLE_CLASSES = ['08', '40', '53', '57', '58'];
const UNAVAILABLE_CODES = ['55P03' /* lock_not_available */, '25P03' /* idle in transaction timeout */];
const REJECTED_CLASSES = ['22', '23'];

/** Wraps what a driver threw. Without a SQLSTATE the server never answered: the connection is at fault. */
export function toDatabaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  // both drivers pass the server's own fields on; Node's socket errors have a code too, but no severity
  const code: unknown =
    error instanceof Error && 'severity' in error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return new DatabaseError('unavailable', error);
  const sqlClass = code.slice(0, 2);
  if (UNAVAILABLE_CODES.includes(code) || UNAVAILABLE_CLASSES.includes(sqlClass))
    return new DatabaseError('unavailable', error, code);
  return new DatabaseError(REJECTED_CLASSES.includes(sqlClass) ? 'rejected' : 'broken', error, code);
}
