import type { SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';

/** What `mutate` returns. None of its promises causes an unhandled rejection (MU1). */
export interface MutationHandle<R = unknown> {
  readonly token: Token;
  /** Resolves when the mutation is durable. Rejects with `STORAGE` when it cannot be stored. */
  readonly enqueued: Promise<void>;
  /** Resolves with the server's result when it has decided. */
  readonly acknowledged: Promise<R>;
  /** Resolves with the server's result when the base covers it: what is seen no longer depends on the outbox. */
  readonly confirmed: Promise<R>;
}

type Deferred =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'awaited';
      readonly promise: Promise<unknown>;
      resolve(value: unknown): void;
      reject(error: SyncError): void;
    }
  | { readonly kind: 'resolved'; readonly value: unknown }
  | { readonly kind: 'rejected'; readonly error: SyncError };

const OPEN: Deferred = { kind: 'open' };

/**
 * The promises of one mutation, made only when somebody asks for them: most callers never do, and three promises
 * cost more than the mutation. Each settles exactly once; later calls change nothing (MU2).
 */
export interface Settlement {
  readonly handle: MutationHandle;
  enqueued(): void;
  accepted(result: unknown): void;
  rejected(error: SyncError): void;
}

export function createSettlement(token: Token): Settlement {
  type Stage = 'enqueued' | 'acknowledged' | 'confirmed';
  const stages: Record<Stage, Deferred> = { enqueued: OPEN, acknowledged: OPEN, confirmed: OPEN };

  function promiseOf(stage: Stage): Promise<unknown> {
    const now = stages[stage];
    switch (now.kind) {
      case 'awaited':
        return now.promise;
      case 'resolved':
        return Promise.resolve(now.value);
      case 'rejected':
        return quiet(Promise.reject(now.error));
      case 'open': {
        let resolve!: (value: unknown) => void;
        let reject!: (error: SyncError) => void;
        const promise = quiet(
          new Promise((yes, no) => {
            resolve = yes;
            reject = no;
          }),
        );
        stages[stage] = { kind: 'awaited', promise, resolve, reject };
        return promise;
      }
    }
  }
  function resolve(stage: Stage, value: unknown): void {
    const now = stages[stage];
    if (now.kind === 'awaited') now.resolve(value);
    if (now.kind === 'open') stages[stage] = { kind: 'resolved', value };
  }
  function reject(stage: Stage, error: SyncError): void {
    const now = stages[stage];
    if (now.kind === 'awaited') now.reject(error);
    if (now.kind === 'open') stages[stage] = { kind: 'rejected', error };
  }

  return {
    handle: {
      token,
      get enqueued() {
        return promiseOf('enqueued') as Promise<void>;
      },
      get acknowledged() {
        return promiseOf('acknowledged');
      },
      get confirmed() {
        return promiseOf('confirmed');
      },
    },
    enqueued: () => resolve('enqueued', undefined),
    accepted(result) {
      resolve('enqueued', undefined);
      resolve('acknowledged', result);
      resolve('confirmed', result);
    },
    rejected(error) {
      reject('enqueued', error);
      reject('acknowledged', error);
      reject('confirmed', error);
    },
  };
}

function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
