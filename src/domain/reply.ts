import type { Change } from './changes.js';
import type { Sum } from './checksum.js';
import type { Row, ServerRow, Version } from './entity.js';
import type { AssignedId } from './identity.js';

/** What the server said about one op, as facts; `reconcile` judges them. */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Rows as they are on the server after the op. */
      readonly rows: readonly ServerRow[];
      /** Ids that the server gave to rows this op inserted under ids of the client's (ID1). */
      readonly ids?: readonly AssignedId[];
      readonly result?: unknown;
      readonly problem?: Problem;
      readonly retryAfterMs?: number;
      /** What the server's clock showed, in milliseconds since the epoch, rounded down to `resolutionMs`. */
      readonly serverTime?: { readonly at: number; readonly resolutionMs: number };
      /** How long the server's rate limit leaves no further request, in milliseconds, whatever the answer was. */
      readonly restMs?: number;
      /** It is about the request as a whole, not about this op. */
      readonly wholeRequest?: boolean;
      /** The error this was read from, where a mutation's own function threw one. */
      readonly cause?: unknown;
    }
  | Failure
  /** The server stopped before this op: it is undecided, through no fault of its own. */
  | { readonly kind: 'omitted' };

/** No answer of this protocol: whether the op took effect is unknown. */
export interface Failure {
  readonly kind: 'failure';
  /** `unexpected`: an answer that is not this protocol's (a login page, a proxy's error, no echo of the op). */
  readonly failure: 'network' | 'timeout' | 'unexpected' | 'unclassified';
  readonly cause: unknown;
  readonly retryAfterMs?: number;
}

/** RFC 9457 problem details. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly [member: string]: unknown;
}

export interface PullPage {
  readonly changes: readonly (ServerRow & {
    /** `token.rev` of the mutation that caused it. */ readonly op: string | undefined;
  })[];
  readonly cursor: string;
  readonly upToDate: boolean;
  /** What all rows add up to at `cursor`, by collection, where the server says so. */
  readonly sums?: ReadonlyMap<string, Sum>;
}

/** Some of the rows that the server has. */
export interface SnapshotPage {
  readonly rows: readonly ServerRow[];
  /** Names the next page; undefined: this is the last. */
  readonly next: string | undefined;
  /** From where the feed tells what changed since before the first page was read. */
  readonly cursor: string;
  /** How many rows there are on all pages together, where the server says so. */
  readonly total?: number;
}

/** A mutation about to be sealed. */
export interface OutgoingOp {
  readonly token: string;
  readonly rev: number;
  readonly changes: readonly Change[];
  /** The version of each change's row that it was based on, where the server has told one. */
  readonly versions?: readonly (Version | undefined)[];
  /** Each change's row as the change leaves it, without what is pending after it; undefined once it is deleted. */
  readonly rows?: readonly (Row | undefined)[];
  readonly command: { readonly name: string; readonly args: unknown } | undefined;
  /** Tokens that must have been accepted for this op to make sense; a server answers 424 otherwise. */
  readonly after: readonly string[];
  /**
   * Tokens of undecided ops that were sent before it on the same rows: the versions that they make, where they are
   * accepted, are as good as the one it was based on.
   */
  readonly follows?: readonly string[];
}
