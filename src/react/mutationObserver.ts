import type { Definition } from '../domain/definition.js';
import { describe, SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { MutateOptions } from '../engine/mutateOptions.js';
import type { SyncClient } from '../engine/client.js';
import type { CallOptions, OptimisticMutationOptions } from './mutationOptions.js';
import type { MutationActions, OptimisticMutationResult } from './mutationResult.js';
import { resultOf, type MutationState } from './mutationState.js';

/** What one `useOptimisticMutation` watches: the latest call made through it. Its calls outlive its component. */
export interface MutationObserver<V, R, C> {
  /** What the latest render asked for. */
  use(definition: Definition<V, R>, options: OptimisticMutationOptions<V, R, C>): void;
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => OptimisticMutationResult<V, R, C>;
}

interface Attempt<V, R, C> {
  readonly variables: V;
  readonly callbacks: CallOptions<V, R, C>;
  /** What `onMutate` returned. */
  readonly made: C | Promise<C> | undefined;
}

type Outcome<R> = { readonly data: R } | { readonly error: SyncError };

export function createMutationObserver<V, R, C>(client: SyncClient): MutationObserver<V, R, C> {
  type Options = OptimisticMutationOptions<V, R, C>;
  let used: { readonly definition: Definition<V, R>; readonly options: Options } | undefined;
  let state: MutationState<V, R, C> = { status: 'idle' };
  let latest: Attempt<V, R, C> | undefined;
  let stopWatching: readonly (() => void)[] = [];
  const listeners = new Set<() => void>();

  const actions: MutationActions<V, R, C> = {
    mutate: (variables, options = {}) => begin(variables, options).token,
    mutateAsync: (variables, options = {}) => begin(variables, options).done,
    reset() {
      latest = undefined;
      show({ status: 'idle' });
    },
    async rollback() {
      const token = state.status === 'idle' ? undefined : state.call.token;
      return token === undefined ? 'settled' : client.rollback(token);
    },
  };
  const stopped = (): boolean => {
    const { online, phase } = client.status.get();
    return !online || phase === 'paused';
  };
  let result = resultOf(state, actions, stopped);

  function begin(
    variables: V,
    callbacks: CallOptions<V, R, C>,
  ): { readonly token: Token | undefined; readonly done: Promise<R> } {
    if (used === undefined)
      throw new SyncError(
        'INVALID_OPTIONS',
        'mutate was called while rendering; call it in an event or effect.',
      );
    const { definition, options } = used;
    let made: Attempt<V, R, C>['made'];
    try {
      made = options.onMutate?.(variables);
      const { token, acknowledged } = client.mutate(definition, variables, mutateOptions(options, callbacks));
      const attempt = (latest = { variables, callbacks, made });
      show({ status: 'pending', call: callOf(attempt, token), decided: false });
      return { token, done: quiet(finish(attempt, outcomeOf(acknowledged, definition.name))) };
    } catch (thrown) {
      const error = asSyncError(thrown, definition.name);
      const attempt = (latest = { variables, callbacks, made });
      show({ status: 'error', call: callOf(attempt, undefined), error });
      return { token: undefined, done: quiet(finish(attempt, Promise.resolve({ error }))) };
    }
  }

  /** The rest of one call: the hook's callbacks, then the state, then the call's own callbacks. */
  async function finish(attempt: Attempt<V, R, C>, answer: Promise<Outcome<R>>): Promise<R> {
    const outcome = await answer;
    if (latest === attempt && state.status === 'pending') show({ ...state, decided: true });
    const context = await reported(() => attempt.made);
    for (const callback of callbacksOf(used?.options, attempt, outcome, context)) await reported(callback);
    if (latest === attempt && state.status !== 'idle') {
      const call = { ...state.call, context };
      show(
        'data' in outcome
          ? { status: 'success', call, data: outcome.data }
          : { status: 'error', call, error: outcome.error },
      );
      if (listeners.size > 0)
        for (const callback of callbacksOf(attempt.callbacks, attempt, outcome, context))
          void reported(callback);
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.data;
  }

  function show(next: MutationState<V, R, C>): void {
    state = next;
    refresh();
  }

  /** Looks the call up in the outbox; tells the component when that changed anything for it. */
  function refresh(): void {
    if (state.status === 'pending' && state.call.token !== undefined) {
      const [seen] = client.pending({ token: state.call.token });
      if (seen !== undefined) state = { ...state, call: { ...state.call, seen } };
    }
    const next = resultOf(state, actions, stopped);
    const fields = Object.keys(next) as (keyof typeof next)[];
    if (fields.every((field) => Object.is(next[field], result[field]))) return;
    result = next;
    for (const listener of [...listeners]) listener();
  }

  return {
    use(definition, options) {
      used = { definition, options };
    },
    subscribe(listener) {
      listeners.add(listener);
      if (listeners.size === 1) {
        stopWatching = [client.watchMutations(refresh), client.status.subscribe(refresh)];
        refresh();
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) for (const stop of stopWatching) stop();
      };
    },
    get: () => result,
  };
}

function callOf<V, R, C>({ variables, made }: Attempt<V, R, C>, token: Token | undefined) {
  return { variables, token, context: made instanceof Promise ? undefined : made, seen: undefined };
}

function mutateOptions<V, R, C>(
  options: OptimisticMutationOptions<V, R, C>,
  call: CallOptions<V, R, C>,
): MutateOptions {
  const priority = call.priority ?? options.priority;
  const dependsOn = call.dependsOn ?? options.dependsOn;
  const meta = call.meta ?? options.meta;
  return {
    ...(priority !== undefined && { priority }),
    ...(dependsOn !== undefined && { dependsOn }),
    ...(meta !== undefined && { meta }),
    ...(options.scope !== undefined && { scope: options.scope.id }),
  };
}

function callbacksOf<V, R, C>(
  from: CallOptions<V, R, C> | undefined,
  { variables }: Attempt<V, R, C>,
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
async function reported<T>(callback: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await callback();
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it was thrown
    void Promise.reject(error);
    return undefined;
  }
}

function outcomeOf<R>(answer: Promise<R>, name: string): Promise<Outcome<R>> {
  return answer.then(
    (data) => ({ data }),
    (error: unknown) => ({ error: asSyncError(error, name) }),
  );
}

function asSyncError(thrown: unknown, name: string): SyncError {
  if (thrown instanceof SyncError) return thrown;
  return new SyncError('VALIDATION', `"${name}" was not queued: ${describe(thrown)}.`, { cause: thrown });
}

/** Whoever does not wait for it learns of an error by state and callbacks (MU1). */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
