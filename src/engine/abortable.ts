/** `promise`, or a rejection with the signal's reason if that comes first. What `promise` stands for goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      promise.catch(() => undefined); // nobody waits for it any more
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** `signal.aborted`, read anew: the compiler takes the property for a constant across an `await`. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
