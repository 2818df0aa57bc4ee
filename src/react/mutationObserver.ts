import type { Definition } from '../domain/definition.js';
import { describe, SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { MutateOptions } from '../engine/mutateOptions.js';
import type { SyncClient } from '../engine/client.js';
import type { MutationHandle } from '../engine/settlement.js';
import { callbacksOf, reported, type Outcome } from './mutationCallbacks.js';
import type { CallOptions, OptimisticMutationOptions } from './mutationOptions.js';
import type { MutationActions, OptimisticMutationResult } from './mutationResult.js';
import { resultOf, seenBy, type Call, type MutationState } from './mutationState.js';

/** What one `useOptimisticMutation` watches: the latest call made through it. Its calls outlive its component. */
export interface MutationObserver<V, R, C> {
  /** What the latest render asked for. */
  use(definition: Definition<V, R>, options: OptimisticMutationOptions<V, R, C>): void;
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => OptimisticMutationResult<V, R, C>;
}

interface Attempt<V, R, C> {
  readonly variables: V;
  /** What the mutation goes on with: `variables`, unless an edit of them was refused here. */
  readonly kept: V;
  readonly callbacks: CallOptions<V, R, C>;
  /** What `onMutate` returned. */
  readonly made: C | Promise<C> | undefined;
}

/** What a call came to at once. */
type Called<R> = { readonly handle: MutationHandle<R> } | { readonly error: SyncError };

interface Followed<R> {
  readonly token: Token | undefined;
  readonly done: Promise<R>;
}

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
      const token = tokenOf(state);
      return token === undefined ? 'settled' : client.rollback(token);
    },
    async undo() {
      const token = tokenOf(state);
      return token === undefined ? 'settled' : client.undo(token);
    },
    retry(edited) {
      if (state.status !== 'error' || latest === undefined) return undefined;
      const { call, error } = state;
      const { token } = call;
      const variables = edited === undefined ? latest.kept : edited;
      if (token === undefined || isGone(token, error)) return begin(variables, latest.callbacks).token;
      const called = attempted(() => client.retry(token, edited) as MutationHandle<R>);
      const kept = 'handle' in called ? variables : latest.kept;
      return follow({ ...latest, variables, kept }, called, token).token;
    },
  };
  const stopped = (): boolean => {
    const { online, phase } = client.status.get();
    return !online || phase === 'paused';
  };
  let result = resultOf(state, actions, stopped);

  function inUse(): NonNullable<typeof used> {
    if (used !== undefined) return used;
    throw new SyncError(
      'INVALID_OPTIONS',
      'mutate was called while rendering; call it in an event or effect.',
    );
  }

  function begin(variables: V, callbacks: CallOptions<V, R, C>): Followed<R> {
    const { definition, options } = inUse();
    let made: Attempt<V, R, C>['made'];
    const called = attempted(() => {
      made = options.onMutate?.(variables);
      return client.mutate(definition, variables, mutateOptions(options, callbacks));
    });
    return follow({ variables, kept: variables, callbacks, made }, called, undefined);
  }

  /** It never went anywhere, and nothing of it is kept: no dead letter either. */
  const isGone = (token: Token, { code }: SyncError): boolean =>
    (code === 'CANCELLED' || code === 'STORAGE') &&
    !client.deadLetters().some((letter) => letter.token === token);

  function attempted(call: () => MutationHandle<R>): Called<R> {
    try {
      return { handle: call() };
    } catch (thrown) {
      return { error: asSyncError(thrown, inUse().definition.name) };
    }
  }

  /** @param token of the dead letter that is retried */
  function follow(attempt: Attempt<V, R, C>, called: Called<R>, token: Token | undefined): Followed<R> {
    latest = attempt;
    if ('error' in called) {
      show(failed(callOf(attempt, token), called.error));
      return { token: undefined, done: quiet(finish(attempt, Promise.resolve(called))) };
    }
    const { handle } = called;
    show({ status: 'pending', call: callOf(attempt, handle.token), decided: false });
    const answer = outcomeOf(handle.acknowledged, inUse().definition.name);
    return { token: handle.token, done: quiet(finish(attempt, answer)) };
  }

  /** The rest of one call: the hook's callbacks, then the state, then the call's own callbacks. */
  async function finish(attempt: Attempt<V, R, C>, answer: Promise<Outcome<R>>): Promise<R> {
    const outcome = await answer;
    if (latest === attempt && state.status === 'pending') show({ ...state, decided: true });
    const context = await reported(() => attempt.made);
    for (const callback of callbacksOf(used?.options, attempt.variables, outcome, context))
      await reported(callback);
    if (latest === attempt && state.status !== 'idle') {
      const call = { ...state.call, context };
      show('data' in outcome ? { status: 'success', call, data: outcome.data } : failed(call, outcome.error));
      if (listeners.size > 0)
        for (const callback of callbacksOf(attempt.callbacks, attempt.variables, outcome, context))
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
    state = seenBy(client, state);
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

const tokenOf = (state: MutationState<unknown, unknown, unknown>): Token | undefined =>
  state.status === 'idle' ? undefined : state.call.token;

const failed = <V, R, C>(call: Call<V, C>, error: SyncError): MutationState<V, R, C> => ({
  status: 'error',
  call,
  error,
  needsAttention: false,
});

function callOf<V, R, C>({ variables, made }: Attempt<V, R, C>, token: Token | undefined) {
  return { variables, token, context: made instanceof Promise ? undefined : made, seen: undefined };
}

function mutateOptions<V, R, C>(
  options: OptimisticMutationOptions<V, R, C>,
  call: CallOptions<V, R, C>,
): MutateOptions {
  const priority = call.priority ?? options.priority;
  const dependsOn = call.dependsOn ?? options.dependsOn;
  const sendAfter = call.sendAfter ?? options.sendAfter;
  const idempotencyKey = call.idempotencyKey ?? options.idempotencyKey;
  const meta = call.meta ?? options.meta;
  return {
    ...(priority !== undefined && { priority }),
    ...(dependsOn !== undefined && { dependsOn }),
    ...(sendAfter !== undefined && { sendAfter }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(meta !== undefined && { meta }),
    ...(options.scope !== undefined && { scope: options.scope.id }),
  };
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
