import type { ChangeBus } from './changeBus.js';
import type { Database } from './database.js';
import { readHeads } from './readFeed.js';
import type { ServerLogger } from './logger.js';
import { createWakeup, type Wakeup, type Woken } from './wakeup.js';

/** Told the new head of a scope. */
export type HeadListener = (seq: number) => void;

/** Wakes those who wait for changes, on every instance that shares the database. A hint: data comes from the feed. */
export interface HeadWatch {
  /** Something was committed in these scopes by this instance. */
  announce(scopes: Iterable<string>): void;
  /** Resolves, once nothing committed from now on can be missed, with the function that ends it. */
  subscribe(scope: string, listener: HeadListener): Promise<() => void>;
  /** Ends the loops and stops hearing the bus. */
  close(): Promise<void>;
}

/** Options of {@link createHeadWatch}. */
export interface HeadWatchOptions {
  readonly database: Database;
  readonly bus: ChangeBus;
  readonly logger: ServerLogger;
  /** Shortest time between two messages: one NOTIFY per commit more than halves the commits per second. @default 20 */
  readonly quietMs?: number;
  /** How often the counters are read without any hint, while somebody waits. @default 5000 */
  readonly pollMs?: number;
}

/** How long a subscriber waits for the bus; later it is served by the poll until the bus is there. */
const BUS_PATIENCE_MS = 1000;
const AFTER_FAILURE_MS = 1000;

/** Starts the watch. It touches neither database nor bus before the first announcement or subscription. */
export function createHeadWatch({
  database,
  bus,
  logger,
  quietMs = 20,
  pollMs = 5000,
}: HeadWatchOptions): HeadWatch {
  const listeners = new Map<string, Set<HeadListener>>();
  const known = new Map<string, number>(); // last head told; only of scopes with listeners
  const outgoing = new Set<string>(); // to tell the other instances
  const stale = new Set<string>(); // to look at again
  const closing = new AbortController();
  const lookBell = createWakeup();
  const tellBell = createWakeup();
  const pause = (ms: number): Promise<Woken> => createWakeup().wait(ms, closing.signal);
  let hearing: Promise<() => Promise<void>> | undefined;
  let heard = false;

  const look = (scopes: Iterable<string>): void => {
    for (const scope of scopes) if (listeners.has(scope)) stale.add(scope);
    if (stale.size > 0) lookBell.wake();
  };

  /** Takes all of `scopes`; puts them back if `pass` fails. */
  async function take(
    scopes: Set<string>,
    pass: (taken: readonly string[]) => Promise<void>,
  ): Promise<boolean> {
    const taken = [...scopes];
    scopes.clear();
    if (taken.length === 0) return false;
    try {
      await pass(taken);
    } catch (error) {
      for (const scope of taken) scopes.add(scope);
      throw error;
    }
    return true;
  }

  async function tellListeners(scopes: readonly string[]): Promise<void> {
    for (const [scope, seq] of await readHeads(database, scopes)) {
      if (seq <= (known.get(scope) ?? -1)) continue; // our own message coming back, or a poll without news
      if (listeners.has(scope)) known.set(scope, seq);
      for (const listener of listeners.get(scope) ?? []) listener(seq);
    }
  }

  // Two loops: a bus that is away must not hold up those who wait here.
  async function loop(
    bell: Wakeup,
    idleMs: () => number,
    work: (woken: Woken) => Promise<boolean>,
    complaint: string,
  ): Promise<void> {
    for (;;) {
      const woken = await bell.wait(idleMs(), closing.signal);
      if (woken === 'aborted') return;
      try {
        if (await work(woken)) await pause(quietMs);
      } catch (error) {
        logger.warn(complaint, error);
        await pause(AFTER_FAILURE_MS);
        bell.wake();
      }
    }
  }
  const running = Promise.all([
    loop(
      lookBell,
      () => (listeners.size > 0 ? pollMs : Infinity),
      (woken) => {
        if (woken === 'timeout') for (const scope of listeners.keys()) stale.add(scope);
        return take(stale, tellListeners);
      },
      'The feed heads cannot be read.',
    ),
    loop(
      tellBell,
      () => Infinity,
      () => take(outgoing, (scopes) => bus.publish(scopes)),
      'The change bus cannot be reached.',
    ),
  ]);

  async function hear(): Promise<() => Promise<void>> {
    const end = await bus.subscribe({
      onChange: look,
      onReconnect: () => look(listeners.keys()),
    });
    heard = true;
    look(listeners.keys()); // those who did not wait for it
    return end;
  }

  return {
    announce(scopes) {
      for (const scope of scopes) {
        outgoing.add(scope);
        look([scope]);
      }
      if (outgoing.size > 0) tellBell.wake();
    },
    async subscribe(scope, listener) {
      hearing ??= hear().catch((error: unknown) => {
        hearing = undefined;
        logger.warn('The change bus cannot be heard.', error);
        throw error;
      });
      if (!heard) await Promise.race([hearing, pause(BUS_PATIENCE_MS)]);
      const mine = listeners.get(scope) ?? new Set();
      listeners.set(scope, mine.add(listener));
      lookBell.wake(); // the loop may be asleep for good: nobody was waiting
      return () => {
        mine.delete(listener);
        if (mine.size > 0 || listeners.get(scope) !== mine) return;
        listeners.delete(scope);
        known.delete(scope);
      };
    },
    async close() {
      closing.abort();
      await running;
      const ended = hearing?.then((end) => end()).catch(() => undefined);
      if (heard) await ended; // else it ends when it comes, if ever
    },
  };
}
