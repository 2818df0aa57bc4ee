import { useInsertionEffect, useMemo, useSyncExternalStore } from 'react';
import type { Definition } from '../domain/definition.js';
import { createMutationObserver } from './mutationObserver.js';
import type { OptimisticMutationOptions } from './mutationOptions.js';
import type { OptimisticMutationResult } from './mutationResult.js';
import { useSyncClient } from './useSyncClient.js';

/**
 * Calls a mutation and follows the latest call: TanStack Query's `useMutation`, whose change shows at once and survives
 * being offline, leaving and reloading. Unmounting stops nothing (RE2).
 * @example
 * const rename = useOptimisticMutation(renameTodo, { onError: (error) => toast(error.message) })
 * rename.mutate({ id, title })
 */
export function useOptimisticMutation<V, R, C = unknown>(
  definition: Definition<V, R>,
  options: OptimisticMutationOptions<V, R, C> = {},
): OptimisticMutationResult<V, R, C> {
  const client = useSyncClient();
  const observer = useMemo(() => createMutationObserver<V, R, C>(client), [client]);
  // Before any layout effect, so that one of those may call mutate.
  useInsertionEffect(() => observer.use(definition, options));
  const result = useSyncExternalStore(observer.subscribe, observer.get, observer.get);
  const { throwOnError = false } = options;
  if (result.isError && (typeof throwOnError === 'function' ? throwOnError(result.error) : throwOnError))
    throw result.error;
  return result;
}
