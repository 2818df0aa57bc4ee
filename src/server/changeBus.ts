import type { Database } from './database.js';
import { readHeads } from './readFeed.js';
import type { ServerLogger } from './logger.js';
import { createWakeup } from './wakeup.js';

/** Told the new head of a scope. */
export type HeadListener = (seq: number) => void;

/** Wakes those who wait for changes, on every instance that shares the database. A hint: data comes from the feed. */
export interface ChangeBus {
  /** Something was committed in these scopes by this instance. */
  announce(scopes: Iterable<string>): void;
  /** Resolves, once nothing committed from now on can be missed, with the function that ends it. */
  subscribe(scope: string, listener: HeadListener): Promise<() => void>;
  /** Ends the loop and the LISTEN session. */
  close(): Promise<void>;
}

/** Options of {@link createChangeBus}. */
export interface ChangeBusOptions {
  readonly database: Database;
  readonly logger: ServerLogger;
  /** Shortest time between two NOTIFYs: one per commit more than halves the commits per second. @default 20 */
  readonly quietMs?: number;
  /** How often the counters are read without any hint, while somebody waits. @default 5000 */
  readonly pollMs?: number;
}

const CHANNEL = 'holdfast_change';
const NOTIFY = 'SELECT pg_notify($1, scope) FROM unnest($2::text[]) AS scope';

/** Starts the bus. It does not touch the database before the first announcement or subscription. */
export function createChangeBus({
  database,
  logger,
  quietMs = 20,
  pollMs = 5000,
}: ChangeBusOptions): ChangeBus {
  const listeners = new Map<string, Set<HeadListener>>();
  const known = new Map<string, number>(); // last head told; only of scopes with listeners
  const outgoing = new Set<string>(); // to tell the other instances
  const stale = new Set<string>(); // to look at again
  const closing = new AbortController();
  const bell = createWakeup();
  let listening: Promise<() => Promise<void>> | undefined;

  const look = (scopes: Iterable<string>): void => {
    for (const scope of scopes) if (listeners.has(scope)) stale.add(scope);
    if (stale.size > 0) bell.wake();
  };

  async function tellOthers(): Promise<void> {
    const scopes = [...outgoing];
    outgoing.clear();
    try {
      await database.query(NOTIFY, [CHANNEL, scopes]);
    } catch (error) {
      for (const scope of scopes) outgoing.add(scope);
      throw error;
    }
  }

  async function tellListeners(): Promise<void> {
    const scopes = [...stale];
    stale.clear();
    try {
      for (const [scope, seq] of await readHeads(database, scopes)) {
        if (seq <= (known.get(scope) ?? -1)) continue; // our own NOTIFY coming back, or a poll without news
        if (listeners.has(scope)) known.set(scope, seq);
        for (const listener of listeners.get(scope) ?? []) listener(seq);
      }
    } catch (error) {
      for (const scope of scopes) stale.add(scope);
      throw error;
    }
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const woken = await bell.wait(listeners.size > 0 ? pollMs : Infinity, closing.signal);
      if (woken === 'aborted') return;
      if (woken === 'timeout') for (const scope of listeners.keys()) stale.add(scope);
      try {
        if (stale.size > 0) await tellListeners();
        if (outgoing.size === 0) continue;
        await tellOthers();
        await createWakeup().wait(quietMs, closing.signal);
      } catch (error) {
        logger.warn('The change bus cannot reach the database.', error);
        await createWakeup().wait(1000, closing.signal);
        bell.wake();
      }
    }
  }
  const running = run();

  return {
    announce(scopes) {
      for (const scope of scopes) {
        outgoing.add(scope);
        look([scope]);
      }
      if (outgoing.size > 0) bell.wake();
    },
    async subscribe(scope, listener) {
      listening ??= database
        .listen(CHANNEL, {
          onMessage: (changed) => look([changed]),
          onReconnect: () => look(listeners.keys()),
        })
        .catch((error: unknown) => {
          listening = undefined;
          throw error;
        });
      await listening;
      const mine = listeners.get(scope) ?? new Set();
      listeners.set(scope, mine.add(listener));
      bell.wake(); // the loop may be asleep for good: nobody was waiting
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
      const end = await listening?.catch(() => undefined);
      await end?.();
    },
  };
}
