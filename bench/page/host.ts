/** What a page asks of the browser that runs it; given by the runner. */
interface Host {
  /** The heap in bytes and the DOM nodes and listeners that are alive, after collecting garbage. */
  benchHeap(): Promise<{ readonly bytes: number; readonly nodes: number; readonly listeners: number }>;
  /** Starts or ends recording what the main thread does; the end answers with its longest task, in milliseconds. */
  benchTrace(on: boolean): Promise<number>;
  /** Starts or ends the CPU profile, if one was asked for. */
  benchProfile?: (on: boolean) => Promise<void>;
}

const host = globalThis as unknown as Host;

export const heap: Host['benchHeap'] = () => host.benchHeap();

/** The longest task of the main thread while `work` runs. */
export async function longestTask(work: () => unknown): Promise<number> {
  await host.benchTrace(true);
  await work();
  await new Promise((resolve) => setTimeout(resolve, 50)); // a task counts when it has ended
  return host.benchTrace(false);
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  await host.benchProfile?.(true);
  const start = performance.now();
  const result = work();
  if (result instanceof Promise) await result;
  const ms = performance.now() - start;
  await host.benchProfile?.(false);
  return ms;
}
