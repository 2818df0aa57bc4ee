import type { StorageWrite, SyncStorage } from '../engine/ports.js';

/**
 * Where in a write a process dies:
 *
 * | point           | stored | the caller hears |
 * | --------------- | ------ | ---------------- |
 * | `'before'`      | no     | nothing          |
 * | `'uncommitted'` | no: the work was done, and rolled back | nothing |
 * | `'unanswered'`  | yes    | nothing          |
 */
export type CrashPoint = 'before' | 'uncommitted' | 'unanswered';

export const CRASH_POINTS: readonly CrashPoint[] = ['before', 'uncommitted', 'unanswered'];

export interface CrashingStorageOptions {
  /** The storage of the process that dies; the next process makes an instance of its own on the same disk. */
  readonly storage: SyncStorage;
  /** Asked at every write, counted from 0: whether to die in it, and where. */
  readonly at?: (write: number) => CrashPoint | undefined;
  /** Called at the moment of death, so that the rest of the process can be stopped too. */
  readonly onCrash?: () => void;
}

export interface CrashingStorage extends SyncStorage {
  readonly crashed: boolean;
  /** Dies now: writes that are under way may or may not be stored, as after a real kill. */
  crash(): void;
}

/**
 * A storage whose process can die. From then on it never answers: promises, also those already given, stay pending,
 * because a killed process runs no `catch` and no `finally`.
 *
 * @example
 * const disk = createMemoryDisk();
 * const dying = crashingStorage({
 *   storage: memoryStorage({ disk }),
 *   at: (write) => (write === 3 ? 'unanswered' : undefined),
 * });
 */
export function crashingStorage({
  storage,
  at = () => undefined,
  onCrash,
}: CrashingStorageOptions): CrashingStorage {
  let crashed = false;
  let writes = 0;

  function crash(): void {
    if (crashed) return;
    crashed = true;
    // The system closes a dead process's connections; nobody is left to hear how that went.
    storage.close().catch(() => undefined);
    onCrash?.();
  }

  /** Passes the answer on if there is still someone to hear it. */
  async function answer<T>(call: () => Promise<T>): Promise<T> {
    if (crashed) return never();
    return call().then(
      (value) => (crashed ? never() : value),
      (error: unknown) => {
        if (crashed) return never();
        throw error;
      },
    );
  }

  async function dieIn(point: CrashPoint, write: StorageWrite): Promise<never> {
    switch (point) {
      case 'before':
        break;
      case 'uncommitted':
        await rolledBack(storage, write);
        break;
      case 'unanswered':
        await storage.write(write).catch(() => undefined);
        break;
    }
    crash();
    return never();
  }

  return {
    durable: storage.durable,
    get crashed() {
      return crashed;
    },
    crash,
    open: (namespace) => answer(() => storage.open(namespace)),
    load: (since) => answer(() => storage.load(since)),
    write: (write) =>
      answer(() => {
        const point = at(writes++);
        return point === undefined ? storage.write(write) : dieIn(point, write);
      }),
    destroy: () => answer(() => storage.destroy()),
    close: () => answer(() => storage.close()),
  };
}

/** Has the storage do all the work and then fail at the last record: a storage that is not atomic leaves a trace. */
async function rolledBack(storage: SyncStorage, write: StorageWrite): Promise<void> {
  const uncloneable = { key: 'crash', value: () => undefined };
  const doomed = { ...write, put: { ...write.put, meta: [...(write.put?.meta ?? []), uncloneable] } };
  const stored = await storage.write(doomed).then(
    (receipt) => receipt !== 'stale',
    () => false,
  );
  if (stored)
    throw new Error('crashingStorage: the storage accepted a function, which structured clone refuses.');
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
