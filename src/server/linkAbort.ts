/** A signal that follows others, until it is let go. */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(): void;
  /** Stops following, so that a signal which lives long keeps nothing of it. */
  release(): void;
}

/** Like `AbortSignal.any`, which on Node 20 leaks under a long-lived signal and can lose a timeout to the collector. */
export function linkAbort(...signals: readonly AbortSignal[]): LinkedAbort {
  const controller = new AbortController();
  const abort = (): void => {
    release();
    controller.abort();
  };
  const release = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
  for (const signal of signals) signal.addEventListener('abort', abort);
  if (signals.some((signal) => signal.aborted)) abort();
  return { signal: controller.signal, abort, release };
}
