import { isUnnameable } from './caller.js';
import { formatCursor, formatPageToken, parseCursor, parsePageToken, type Position } from './cursor.js';
import type { Database } from './database.js';
import type { HeadWatch } from './headWatch.js';
import { readFeed, readHeads, readRows, readTotal, type ExpiredReason, type FeedAnswer } from './readFeed.js';
import { linkAbort } from './linkAbort.js';
import { pokeStream, type PokeStreamOptions } from './pokeStream.js';
import { problem, problemResponse } from './problem.js';
import type { WSEvents } from 'hono/ws';
import type { ServerLogger } from './logger.js';
import { pokeSocket } from './pokeSocket.js';
import type { SnapshotPage } from './protocol.js';
import { createWakeup } from './wakeup.js';

/** A GET of somebody who may read `scope`. */
export interface FeedRequest {
  /** The feed's name in the database. */
  readonly scope: string;
  readonly query: URLSearchParams;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** To be called when the answer, streams included, has come to its end. */
  readonly leave: () => void;
}

/** Answers a GET. */
export type FeedRoute = (request: FeedRequest) => Promise<Response>;

/** The reading half of the protocol. */
export interface FeedRoutes {
  readonly changes: FeedRoute;
  readonly snapshot: FeedRoute;
  readonly stream: FeedRoute;
  /** What a socket does instead of the stream. */
  socket(request: Pick<FeedRequest, 'scope' | 'leave'>): Promise<WSEvents>;
}

/** Options of {@link createFeedRoutes}. */
export interface FeedRoutesOptions {
  readonly database: Database;
  readonly watch: HeadWatch;
  readonly logger: ServerLogger;
  /** Resolves when the database is ready. */
  readonly epoch: () => Promise<string>;
  readonly heartbeatMs: number;
  /** Ends streams and long polls. */
  readonly closing: AbortSignal;
}

/** The scope of a request that names none, and of a server without `scopeOf`. */
export const MAIN_SCOPE = 'main';

/** The most rows of a page that a client may ask for. */
export const MAX_PAGE = 1000;
const MAX_WAIT_SECONDS = 30;

/** Makes the routes of one server. */
export function createFeedRoutes({
  database,
  watch,
  logger,
  epoch,
  heartbeatMs,
  closing,
}: FeedRoutesOptions): FeedRoutes {
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
    const unsubscribe = await watch.subscribe(scope, () => bell.wake());
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

  const pokes = (life: string, scope: string): Pick<PokeStreamOptions, 'subscribe' | 'cursor'> => ({
    subscribe: (onChange) => watch.subscribe(scope, onChange),
    cursor: async () => formatCursor({ epoch: life, seq: await head(scope) }),
  });

  return {
    async changes({ query, scope, signal, leave }) {
      const life = await epoch();
      const since = positionOf(query.get('since'), life);
      const atLeast = positionOf(query.get('atLeast'), life);
      const limit = wholeNumber(query.get('limit'), 500, 1, MAX_PAGE);
      const wait = wholeNumber(query.get('wait'), 0, 0, MAX_WAIT_SECONDS);
      if (since === undefined || atLeast === undefined) return problemResponse(problem('malformed-cursor'));
      if (limit === undefined || wait === undefined) return badNumber();
      const sums = query.get('sums') === '1';
      const read = () => readFeed(database, life, scope, since, limit, sums);

      const answer = await longPoll(read, wait * 1000, scope, signal).finally(leave);
      if (answer.kind === 'expired') return expired(answer.reason);
      if (query.has('atLeast') && atLeast.epoch === life && answer.page.upToDate && answer.seq < atLeast.seq)
        return problemResponse(problem('unavailable', 'This replica lags behind.', { retryAfterMs: 1000 }));
      return Response.json(answer.page);
    },

    async snapshot({ query, scope }) {
      const life = await epoch();
      const limit = wholeNumber(query.get('limit'), 500, 1, MAX_PAGE);
      if (limit === undefined) return badNumber();
      const token = query.get('page');
      const from =
        token === null ? { epoch: life, seq: await head(scope), type: '', id: '' } : parsePageToken(token);
      if (from === undefined) return problemResponse(problem('malformed-cursor'));
      if (from.epoch !== life) return expired('epoch');
      const named = query.getAll('type');
      if (named.some(isUnnameable)) return problemResponse(problem('malformed-request', 'Bad type.'));
      const types = named.length > 0 ? named : null;
      const entities = await readRows(database, scope, from, limit, types);
      const total = token === null ? await readTotal(database, scope, types) : undefined;
      const last = entities.length < limit ? undefined : entities.at(-1);
      const next = last ? formatPageToken({ ...from, type: last.type, id: last.id }) : null;
      const page = { entities, next, cursor: formatCursor(from), ...(total !== undefined && { total }) };
      return Response.json(page satisfies SnapshotPage);
    },

    async stream({ scope, signal, leave }) {
      const life = await epoch();
      const body = pokeStream({
        ...pokes(life, scope),
        signals: [signal, closing],
        heartbeatMs,
        onEnd: leave,
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

    async socket({ scope, leave }) {
      return pokeSocket({ ...pokes(await epoch(), scope), closing, heartbeatMs, logger, onGone: leave });
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
