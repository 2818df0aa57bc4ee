import { SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { SyncClient } from '../engine/client.js';
import type { PendingMutationView } from '../engine/pendingView.js';
import type { MutationActions, OptimisticMutationResult } from './mutationResult.js';

/** The latest call of one hook: each state carries what belongs to it. */
export type MutationState<V, R, C> =
  | { readonly status: 'idle' }
  | {
      readonly status: 'pending';
      readonly call: Call<V, C>;
      /** The server has decided, and the hook's callbacks are running. */
      readonly decided: boolean;
    }
  | { readonly status: 'success'; readonly call: Call<V, C>; readonly data: R }
  | {
      readonly status: 'error';
      readonly call: Call<V, C>;
      readonly error: SyncError;
      /** It is refused, and its value is still shown. */
      readonly needsAttention: boolean;
    };

export interface Call<V, C> {
  readonly variables: V;
  /** Undefined when it was refused at the call. */
  readonly token: Token | undefined;
  readonly context: C | undefined;
  /** How the outbox showed it last; undefined while it was not in it. */
  readonly seen: PendingMutationView | undefined;
}

/** `state` with what the outbox shows of its call now. */
export function seenBy<V, R, C>(client: SyncClient, state: MutationState<V, R, C>): MutationState<V, R, C> {
  if (state.status === 'idle' || state.status === 'success' || state.call.token === undefined) return state;
  const [seen] = client.pending({ token: state.call.token });
  const needsAttention = seen?.state === 'needsAttention';
  if (state.status === 'error') return { ...state, needsAttention };
  // A retry of what is still shown begins where it was refused: nothing of that is news.
  return seen === undefined || needsAttention ? state : { ...state, call: { ...state.call, seen } };
}

const NOT_WAITING = {
  isPaused: false,
  isQueued: false,
  isSending: false,
  needsAttention: false,
  nextAttemptAt: undefined,
};
const FLAGS = { isIdle: false, isPending: false, isSuccess: false, isError: false };

/** What a component is told of `state`. */
export function resultOf<V, R, C>(
  state: MutationState<V, R, C>,
  actions: MutationActions<V, R, C>,
  stopped: () => boolean,
): OptimisticMutationResult<V, R, C> {
  return { ...actions, ...FLAGS, ...fieldsOf(state, stopped) } as OptimisticMutationResult<V, R, C>;
}

function fieldsOf<V, R, C>(state: MutationState<V, R, C>, stopped: () => boolean): object {
  const { status } = state;
  if (status === 'idle')
    return {
      status,
      isIdle: true,
      variables: undefined,
      data: undefined,
      error: null,
      context: undefined,
      token: undefined,
      submittedAt: 0,
      failureCount: 0,
      failureReason: null,
      ...NOT_WAITING,
    };
  const { variables, token, context, seen } = state.call;
  const call = { status, variables, token, context, submittedAt: seen?.createdAt ?? 0, ...NOT_WAITING };
  const failures = seen?.failureCount ?? 0;
  switch (status) {
    case 'pending': {
      const isSending = !state.decided && seen?.state === 'sending';
      const isQueued = !state.decided && !isSending;
      return {
        ...call,
        isPending: true,
        data: undefined,
        error: null,
        failureCount: failures,
        failureReason: seen?.failureReason ?? null,
        isSending,
        isQueued,
        isPaused: isQueued && stopped(),
        nextAttemptAt: isQueued ? seen?.nextAttemptAt : undefined,
      };
    }
    case 'success':
      return {
        ...call,
        isSuccess: true,
        data: state.data,
        error: null,
        failureCount: 0,
        failureReason: null,
      };
    case 'error':
      return {
        ...call,
        isError: true,
        data: undefined,
        error: state.error,
        needsAttention: state.needsAttention,
        failureCount: failures + 1,
        failureReason: state.error,
      };
  }
}
