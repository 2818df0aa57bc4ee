import type { SyncError } from '../domain/errors.js';
import type { MutateOptions } from '../engine/mutateOptions.js';

/**
 * Callbacks with the signatures of TanStack Query's `useMutation`. One that throws or rejects is reported as an
 * unhandled rejection and changes nothing: the server has decided already.
 */
export interface MutationCallbacks<V, R, C> {
  readonly onSuccess?: (data: R, variables: V, context: C) => unknown;
  readonly onError?: (error: SyncError, variables: V, context: C | undefined) => unknown;
  readonly onSettled?: (
    data: R | undefined,
    error: SyncError | null,
    variables: V,
    context: C | undefined,
  ) => unknown;
}

type Forwarded = Omit<MutateOptions, 'scope'>;

/** What one call may say; its callbacks run after the hook's, for the latest call only, and only while mounted. */
export interface CallOptions<V, R, C> extends MutationCallbacks<V, R, C>, Forwarded {}

/** The hook's callbacks run for every call, also after the component has gone. */
export interface OptimisticMutationOptions<V, R, C> extends MutationCallbacks<V, R, C>, Forwarded {
  /**
   * Runs before the change is applied; what it returns is the other callbacks' `context`. If it throws, nothing is
   * applied. A promise is awaited before the other callbacks run, but the change does not wait for it.
   */
  readonly onMutate?: (variables: V) => C | Promise<C>;
  /** Mutations of one scope are sent in order, whatever they touch. @default the definition's own */
  readonly scope?: { readonly id: string };
  /** Throw errors while rendering, to the nearest error boundary. @default false */
  readonly throwOnError?: boolean | ((error: SyncError) => boolean);
}
