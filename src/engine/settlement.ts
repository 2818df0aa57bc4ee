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

type Stage = 'enqueued' | 'acknowledged' | 'confirmed';
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

/** Classes only because thousands of mutations share these methods and getters: made for each, they cost as much as the rest. */
class PromisesOnDemand implements Settlement {
  readonly handle: MutationHandle;
  private readonly stages: Stages = { enqueued: OPEN, acknowledged: OPEN, confirmed: OPEN };

  constructor(token: Token) {
    this.handle = new Handle(token, this.stages);
  }

  enqueued(): void {
    resolve(this.stages, 'enqueued', undefined);
  }
  accepted(result: unknown): void {
    resolve(this.stages, 'enqueued', undefined);
    resolve(this.stages, 'acknowledged', result);
    resolve(this.stages, 'confirmed', result);
  }
  rejected(error: SyncError): void {
    reject(this.stages, 'enqueued', error);
    reject(this.stages, 'acknowledged', error);
    reject(this.stages, 'confirmed', error);
  }
}

/** Makes a promise only when somebody asks for it: most callers never do. */
class Handle implements MutationHandle {
  readonly token: Token;
  readonly #stages: Stages;

  constructor(token: Token, stages: Stages) {
    this.token = token;
    this.#stages = stages;
  }

  get enqueued(): Promise<void> {
    return promiseOf(this.#stages, 'enqueued') as Promise<void>;
  }
  get acknowledged(): Promise<unknown> {
    return promiseOf(this.#stages, 'acknowledged');
  }
  get confirmed(): Promise<unknown> {
    return promiseOf(this.#stages, 'confirmed');
  }
}

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

function resolve(stages: Stages, stage: Stage, value: unknown): void {
  const now = stages[stage];
  if (now.kind === 'awaited') now.resolve(value);
  if (now.kind === 'open') stages[stage] = value === undefined ? DONE : { kind: 'resolved', value };
}

function reject(stages: Stages, stage: Stage, error: SyncError): void {
  const now = stages[stage];
  if (now.kind === 'awaited') now.reject(error);
  if (now.kind === 'open') stages[stage] = { kind: 'rejected', error };
}

function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

const ignore = (): void => undefined;
