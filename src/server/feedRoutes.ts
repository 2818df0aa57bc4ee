import type { ChangeBus } from './changeBus.js';
import { formatCursor, formatPageToken, parseCursor, parsePageToken, type Position } from './cursor.js';
import type { Database } from './database.js';
import { readFeed, readHeads, readRows, type ExpiredReason, type FeedAnswer } from './readFeed.js';
import { linkAbort } from './linkAbort.js';
import { pokeStream } from './pokeStream.js';
import { problem, problemResponse } from './problem.js';
import type { SnapshotPage } from './protocol.js';
import { createWakeup } from './wakeup.js';

/** Answers a GET; `signal` aborts when the client is gone. */
export type FeedRoute = (query: URLSearchParams, signal: AbortSignal) => Promise<Response>;

/** The reading half of the protocol. */
export interface FeedRoutes {
  readonly changes: FeedRoute;
  readonly snapshot: FeedRoute;
  readonly stream: FeedRoute;
}

/** Options of {@link createFeedRoutes}. */
export interface FeedRoutesOptions {
  readonly database: Database;
  readonly bus: ChangeBus;
  /** Resolves when the database is ready. */
  readonly epoch: () => Promise<string>;
  readonly heartbeatMs: number;
  /** Ends streams and long polls. */
  readonly closing: AbortSignal;
}

/** The scope of a request that names none, and of a server without `scopeOf`. */
export const MAIN_SCOPE = 'main';

const MAX_LIMIT = 1000;
const MAX_WAIT_SECONDS = 30;

/** Makes the routes of one server. */
export function createFeedRoutes({
  database,
  bus,
  epoch,
  heartbeatMs,
  closing,
}: FeedRoutesOptions): FeedRoutes {
  const scopeOf = (query: URLSearchParams): string => query.get('scope') ?? MAIN_SCOPE;
  const head = async (scope: string): Promise<number> => (await readHeads(database, [scope])).get(scope) ?? 0;

  /** Reads until there is something, the time is up, or nobody waits for it any more. */
  async function longPoll(
    read: () => Promise<FeedAnswer>,
    ms: number,
    scope: string,
    signal: AbortSignal,
  ): Promise<FeedAnswer> {
    const first = await read();
    if (ms === 0 || !isEmpty(first)) return first;
    const deadline = performance.now() + ms;
    const bell = createWakeup();
    const ended = linkAbort(signal, closing);
    const unsubscribe = await bus.subscribe(scope, () => bell.wake());
    try {
      for (;;) {
        // before the first wait, too: a change may have come before the subscription
        const answer = await read();
        if (!isEmpty(answer)) return answer;
        if ((await bell.wait(Math.max(0, deadline - performance.now()), ended.signal)) !== 'woken')
          return answer;
      }
    } finally {
      unsubscribe();
      ended.release();
    }
  }

  return {
    async changes(query, signal) {
      const life = await epoch();
      const since = positionOf(query.get('since'), life);
      const atLeast = positionOf(query.get('atLeast'), life);
      const limit = wholeNumber(query.get('limit'), 500, 1, MAX_LIMIT);
      const wait = wholeNumber(query.get('wait'), 0, 0, MAX_WAIT_SECONDS);
      if (since === undefined || atLeast === undefined) return problemResponse(problem('malformed-cursor'));
      if (limit === undefined || wait === undefined) return badNumber();
      const scope = scopeOf(query);
      const read = () => readFeed(database, life, scope, since, limit);

      const answer = await longPoll(read, wait * 1000, scope, signal);
      if (answer.kind === 'expired') return expired(answer.reason);
      if (query.has('atLeast') && atLeast.epoch === life && answer.page.upToDate && answer.seq < atLeast.seq)
        return problemResponse(problem('unavailable', 'This replica lags behind.', { retryAfterMs: 1000 }));
      return Response.json(answer.page);
    },

    async snapshot(query) {
      const life = await epoch();
      const limit = wholeNumber(query.get('limit'), 500, 1, MAX_LIMIT);
      if (limit === undefined) return badNumber();
      const scope = scopeOf(query);
      const token = query.get('page');
      const from =
        token === null ? { epoch: life, seq: await head(scope), type: '', id: '' } : parsePageToken(token);
      if (from === undefined) return problemResponse(problem('malformed-cursor'));
      if (from.epoch !== life) return expired('epoch');
      const entities = await readRows(database, scope, from, limit);
      const last = entities.length < limit ? undefined : entities.at(-1);
      const next = last ? formatPageToken({ ...from, type: last.type, id: last.id }) : null;
      return Response.json({ entities, next, cursor: formatCursor(from) } satisfies SnapshotPage);
    },

    async stream(query, signal) {
      const life = await epoch();
      const scope = scopeOf(query);
      const body = pokeStream({
        subscribe: (onChange) => bus.subscribe(scope, onChange),
        cursor: async () => formatCursor({ epoch: life, seq: await head(scope) }),
        signals: [signal, closing],
        heartbeatMs,
      });
      return new Response(body, {
        // X-Accel-Buffering: or nginx holds events back
        headers: {
          'Content-Type': 'text/event-stream',
          'Cache-Control': 'no-store',
          'X-Accel-Buffering': 'no',
        },
      });
    },
  };
}

/** Without a cursor: from the beginning. */
function positionOf(cursor: string | null, epoch: string): Position | undefined {
  return cursor === null ? { epoch, seq: 0 } : parseCursor(cursor);
}

function isEmpty(answer: FeedAnswer): boolean {
  return answer.kind === 'page' && answer.page.changes.length === 0;
}

function wholeNumber(text: string | null, fallback: number, least: number, most: number): number | undefined {
  if (text === null) return fallback;
  return /^\d{1,9}$/.test(text) && Number(text) >= least ? Math.min(Number(text), most) : undefined;
}

function badNumber(): Response {
  return problemResponse(problem('malformed-request', 'limit and wait must be whole numbers.'));
}

function expired(reason: ExpiredReason): Response {
  return problemResponse(
    problem('cursor-expired', 'Load a snapshot, then pull from its cursor.', { reason }),
  );
}
