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

type Stage = 'storing' | 'deciding' | 'covering';
type Stages = Record<Stage, Deferred>;

const OPEN: Deferred = { kind: 'open' };
const DONE: Deferred = { kind: 'resolved', value: undefined };

/** The promises of one mutation. Each settles exactly once; later calls change nothing (MU2). */
export interface Settlement {
  readonly handle: MutationHandle;
  enqueued(): void;
  accepted(result: unknown): void;
  rejected(error: SyncError): void;
}

export function createSettlement(token: Token): Settlement {
  return new PromisesOnDemand(token);
}

/**
 * Makes a promise only when somebody asks for it: most callers never do. Classes only because thousands of mutations
 * share these methods and getters: made for each, they cost as much as the rest.
 */
class PromisesOnDemand implements Settlement, Stages {
  readonly handle: MutationHandle;
  storing = OPEN;
  deciding = OPEN;
  covering = OPEN;

  constructor(token: Token) {
    this.handle = new Handle(token, this);
  }

  enqueued(): void {
    resolve(this, 'storing', undefined);
  }
  accepted(result: unknown): void {
    resolve(this, 'storing', undefined);
    resolve(this, 'deciding', result);
    resolve(this, 'covering', result);
  }
  rejected(error: SyncError): void {
    reject(this, 'storing', error);
    reject(this, 'deciding', error);
    reject(this, 'covering', error);
  }
}

class Handle implements MutationHandle {
  readonly token: Token;
  readonly #stages: Stages;

  constructor(token: Token, stages: Stages) {
    this.token = token;
    this.#stages = stages;
  }

  get enqueued(): Promise<void> {
    return promiseOf(this.#stages, 'storing') as Promise<void>;
  }
  get acknowledged(): Promise<unknown> {
    return promiseOf(this.#stages, 'deciding');
  }
  get confirmed(): Promise<unknown> {
    return promiseOf(this.#stages, 'covering');
  }
}

let resolver: (value: unknown) => void;
let rejecter: (error: SyncError) => void;
/** Shared by all promises: a function of its own for each is as large as its promise. */
const capture = (resolve: typeof resolver, reject: typeof rejecter): void => {
  resolver = resolve;
  rejecter = reject;
};

function promiseOf(stages: Stages, stage: Stage): Promise<unknown> {
  const now = stages[stage];
  switch (now.kind) {
    case 'awaited':
      return now.promise;
    case 'resolved':
      return Promise.resolve(now.value);
    case 'rejected':
      return quiet(Promise.reject(now.error));
    case 'open': {
      const promise = new Promise(capture);
      stages[stage] = { kind: 'awaited', promise, resolve: resolver, reject: rejecter };
      return promise;
    }
  }
}

function resolve(stages: Stages, stage: Stage, value: unknown): void {
  const now = stages[stage];
  if (now.kind === 'awaited') now.resolve(value);
  if (now.kind === 'open') stages[stage] = value === undefined ? DONE : { kind: 'resolved', value };
}

function reject(stages: Stages, stage: Stage, error: SyncError): void {
  const now = stages[stage];
  if (now.kind === 'awaited') {
    void quiet(now.promise);
    now.reject(error);
  }
  if (now.kind === 'open') stages[stage] = { kind: 'rejected', error };
}

function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

const ignore = (): void => undefined;
