/**
 * A process, seen from outside. What was to continue in a dead one never does: no exception, no clean-up, as after a
 * real kill. In a frozen one it waits, and all of it comes at once when it thaws.
 */
export interface Life {
  readonly state: 'running' | 'frozen' | 'dead';
  /** Hands something to the process. */
  deliver(call: () => void): void;
  /** A promise as this process gets it. */
  hear<T>(promise: Promise<T>, first?: (value: T) => void): Promise<T>;
  freeze(): void;
  thaw(): void;
  kill(): void;
}

export function createLife(): Life {
  let state: Life['state'] = 'running';
  let waiting: (() => void)[] = [];
  const deliver = (call: () => void): void => {
    if (state === 'running') call();
    else if (state === 'frozen') waiting.push(call);
  };
  return {
    get state() {
      return state;
    },
    deliver,
    hear: (promise, first) =>
      new Promise((resolve, reject) => {
        promise.then(
          (value) =>
            deliver(() => {
              first?.(value);
              resolve(value);
            }),
          (error: unknown) =>
            deliver(() => reject(error instanceof Error ? error : new Error(String(error)))),
        );
      }),
    freeze() {
      if (state === 'running') state = 'frozen';
    },
    thaw() {
      if (state !== 'frozen') return;
      state = 'running';
      const calls = waiting;
      waiting = [];
      for (const call of calls) call();
    },
    kill() {
      state = 'dead';
      waiting = [];
    },
  };
}
