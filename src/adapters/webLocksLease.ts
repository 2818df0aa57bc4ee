import type { Lease } from '../engine/ports.js';

/**
 * A Web Lock per name: the browser hands it to the next tab when its holder closes or crashes. Where there are no Web
 * Locks every tab holds it at once: more requests, but safe, for the lease is never needed for safety (TB3).
 */
export function webLocksLease(): Lease {
  return {
    async hold(name, signal, work) {
      let running: Promise<void> | undefined;
      const run = (): Promise<void> =>
        (running ??= signal.aborted ? Promise.resolve() : work().catch(report));
      const platform: { readonly navigator?: { readonly locks?: LockManager | null } } = globalThis;
      const locks = platform.navigator?.locks ?? undefined;
      try {
        await locks?.request(`holdfast:${name}`, { signal }, run);
      } catch {
        // Waiting was aborted, the lock was stolen while `work` goes on, or this page may have no locks.
      }
      await run();
    },
  };
}

/** `work` never rejects; if it does it is a bug, and a lease has no one to tell. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
