import type { SyncError } from '../domain/errors.js';
import type { MutationCallbacks } from './mutationOptions.js';

/** How a call ended. */
export type Outcome<R> = { readonly data: R } | { readonly error: SyncError };

/** What is to be called of `from`, in order. */
export function callbacksOf<V, R, C>(
  from: MutationCallbacks<V, R, C> | undefined,
  variables: V,
  outcome: Outcome<R>,
  context: C | undefined,
): readonly (() => unknown)[] {
  return 'data' in outcome
    ? [
        () => from?.onSuccess?.(outcome.data, variables, context as C),
        () => from?.onSettled?.(outcome.data, null, variables, context),
      ]
    : [
        () => from?.onError?.(outcome.error, variables, context),
        () => from?.onSettled?.(undefined, outcome.error, variables, context),
      ];
}

/** What a callback of the app came to. Its failure is reported and harms nothing: the server has decided already. */
export async function reported<T>(callback: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await callback();
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it was thrown
    void Promise.reject(error);
    return undefined;
  }
}
