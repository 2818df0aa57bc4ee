import type { SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { CallOptions } from './mutationOptions.js';

/** What the component may do. The functions are the same at every render. */
export interface MutationActions<V, R, C> {
  /**
   * Applies the change at once and queues it. Never throws: an error is the mutation's state. Returns its token;
   * undefined when it was refused here, e.g. by its schema.
   */
  readonly mutate: (variables: V, options?: CallOptions<V, R, C>) => Token | undefined;
  /** The same, as the server's answer. Rejects with the error that state and callbacks carry. */
  readonly mutateAsync: (variables: V, options?: CallOptions<V, R, C>) => Promise<R>;
  /** Back to idle. What was called goes on. */
  readonly reset: () => void;
  /** Takes the latest call back while it is unsent; rejects with `ALREADY_SENT` after that (MU3). */
  readonly rollback: () => Promise<'cancelled' | 'settled'>;
  /**
   * Takes the latest call back whether or not it was sent (MU4): `'cancelled'`, or `'queued'` when what undoes it is on
   * its way; `'settled'` when there is nothing to undo. Rejects with `NOT_UNDOABLE`.
   */
  readonly undo: () => Promise<'cancelled' | 'queued' | 'settled'>;
  /**
   * Tries what failed again, with its own variables or edited ones; the result follows it, and its callbacks run again.
   * What was refused keeps its token (RT7) and what `onMutate` returned; what never was sent is called anew. Does nothing
   * unless the status is `'error'`. Never throws, like `mutate`.
   */
  readonly retry: (editedVariables?: V) => Token | undefined;
}

interface Flags<S extends 'idle' | 'pending' | 'success' | 'error'> {
  readonly status: S;
  readonly isIdle: S extends 'idle' ? true : false;
  readonly isPending: S extends 'pending' ? true : false;
  readonly isSuccess: S extends 'success' ? true : false;
  readonly isError: S extends 'error' ? true : false;
}

interface Progress {
  readonly token: Token | undefined;
  /** Failed attempts so far. */
  readonly failureCount: number;
  readonly failureReason: SyncError | null;
  /** Milliseconds since the epoch, by the client's clock; 0 for what never was queued. */
  readonly submittedAt: number;
  /** It waits for the network, or for `client.resume()`. */
  readonly isPaused: boolean;
  /** It is in the outbox and not being sent. */
  readonly isQueued: boolean;
  readonly isSending: boolean;
  /** It was refused and its value is still shown (`onRejected: 'hold'`), until it is repaired or discarded. */
  readonly needsAttention: boolean;
  /** Milliseconds since the epoch; undefined unless something makes it wait: `sendAfter`, or a failure. */
  readonly nextAttemptAt: number | undefined;
}

type Outcome<V, R, C> =
  | (Flags<'idle'> & {
      readonly variables: undefined;
      readonly data: undefined;
      readonly error: null;
      readonly context: undefined;
    })
  | (Flags<'pending'> & {
      readonly variables: V;
      readonly data: undefined;
      readonly error: null;
      readonly context: C | undefined;
    })
  | (Flags<'success'> & {
      readonly variables: V;
      readonly data: R;
      readonly error: null;
      readonly context: C;
    })
  | (Flags<'error'> & {
      readonly variables: V;
      readonly data: undefined;
      readonly error: SyncError;
      readonly context: C | undefined;
    });

/** The keys of TanStack Query's `useMutation` result, and what an outbox adds to them. */
export type OptimisticMutationResult<V, R, C> = MutationActions<V, R, C> & Progress & Outcome<V, R, C>;
