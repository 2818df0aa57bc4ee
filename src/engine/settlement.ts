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

interface Deferred {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: SyncError) => void;
}

type Stage = 'storing' | 'deciding' | 'covering';
/** Undefined: it is open, and nobody has asked. */
type Stages = Record<Stage, Deferred | undefined>;

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
  storing: Deferred | undefined = undefined;
  deciding: Deferred | undefined = undefined;
  covering: Deferred | undefined = undefined;

  constructor(token: Token) {
    this.handle = new Handle(token, this);
  }

  enqueued(): void {
    (this.storing ??= DONE).resolve(undefined);
  }
  accepted(result: unknown): void {
    this.enqueued();
    if (result !== undefined) {
      this.deciding ??= createDeferred();
      this.covering ??= createDeferred();
    }
    (this.deciding ??= DONE).resolve(result);
    (this.covering ??= DONE).resolve(result);
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
    return at(this.#stages, 'storing').promise as Promise<void>;
  }
  get acknowledged(): Promise<unknown> {
    return at(this.#stages, 'deciding').promise;
  }
  get confirmed(): Promise<unknown> {
    return at(this.#stages, 'covering').promise;
  }
}

const at = (stages: Stages, stage: Stage): Deferred => (stages[stage] ??= createDeferred());

function reject(stages: Stages, stage: Stage, error: SyncError): void {
  const { promise, reject } = at(stages, stage);
  promise.catch(ignore);
  reject(error);
}

const ignore = (): void => undefined;

/** Shared by the thousands of which nobody has asked before, and that have no result. */
const DONE: Deferred = { promise: Promise.resolve(), resolve: ignore, reject: ignore };

let resolver: Deferred['resolve'];
let rejecter: Deferred['reject'];
/** Shared by all promises: a function of its own for each is as large as its promise. */
const capture = (resolve: typeof resolver, reject: typeof rejecter): void => {
  resolver = resolve;
  rejecter = reject;
};

function createDeferred(): Deferred {
  const promise = new Promise(capture);
  return { promise, resolve: resolver, reject: rejecter };
}
