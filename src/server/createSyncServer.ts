import { Hono, type Context } from 'hono';
import { createAdmission, type RequestKind } from './admission.js';
import { feedName, isUnnameable, toCaller, type Caller } from './caller.js';
import { collect, type Collected, type CollectOptions } from './collect.js';
import { DatabaseError } from './database.js';
import type { ScopeOf } from './effect.js';
import { createFeedRoutes, MAIN_SCOPE, MAX_PAGE, type FeedRequest, type FeedRoute } from './feedRoutes.js';
import { createHeadWatch } from './headWatch.js';
import { letOriginsIn } from './letOriginsIn.js';
import { checkLimits } from './limits.js';
import { silentLogger } from './logger.js';
import { migrate, type DatabaseLife } from './migrate.js';
import { numberChanges } from './numberChanges.js';
import { createPushParser } from './parsePush.js';
import { postgresChangeBus } from './postgresChangeBus.js';
import { problem, problemResponse, RETRY_AFTER_MS } from './problem.js';
import { createPush } from './push.js';
import { createPushRoute } from './pushRoute.js';
import { isFromElsewhere } from './isFromElsewhere.js';
import { repeat } from './repeat.js';
import { seedRows } from './seed.js';
import type { SyncServer, SyncServerOptions } from './syncServer.js';

const THIRTY_DAYS_SEC = 30 * 24 * 3600;

/**
 * The reference server of the sync protocol: `POST ops`, `GET changes`, `snapshot`, `stream`, `capabilities`.
 *
 * @throws RangeError on a limit out of range.
 * @example
 * const server = createSyncServer({ database: databaseFromEnv() });
 * serve({ fetch: server.fetch, port: 3901 });
 */
export function createSyncServer(options: SyncServerOptions): SyncServer {
  const { database, authenticate, authorizeScope, upgradeWebSocket, logger = silentLogger, schema } = options;
  const { idempotencyRetentionSec = THIRTY_DAYS_SEC, tombstoneRetentionSec = THIRTY_DAYS_SEC } = options;
  const limits = checkLimits(options.limits);
  const scopeOf: ScopeOf = options.scopeOf ?? (() => MAIN_SCOPE);
  const closing = new AbortController();
  const underWay = new Set<Promise<unknown>>();

  let opening: Promise<DatabaseLife> | undefined;
  const life = (): Promise<DatabaseLife> =>
    (opening ??= migrate(database, options.numbering ?? 'commit').catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));
  const epoch = async (): Promise<string> => (await life()).epoch;

  const watch = createHeadWatch({
    database,
    bus: options.changeBus ?? postgresChangeBus(database),
    logger,
    ...(options.pollMs !== undefined && { pollMs: options.pollMs }),
  });
  const parser = createPushParser(limits);
  const push = createPush({
    database,
    parser,
    logger,
    authorize: options.authorize,
    rules: { commands: options.commands ?? {}, validate: options.validate, scopeOf },
    beforeCommit: async (tx, told) => numberChanges(tx, told, (await life()).numbering),
    onCommit: (scopes) => watch.announce(scopes),
  });
  const feed = createFeedRoutes({
    database,
    watch,
    logger,
    epoch,
    heartbeatMs: options.heartbeatMs ?? 20_000,
    closing: closing.signal,
  });

  const admission = createAdmission({ limits, perSubject: authenticate !== undefined });

  const app = new Hono<Env>().basePath(options.basePath ?? '/sync');
  const fail = (...args: Parameters<typeof problem>): Response => problemResponse(problem(...args));

  if (options.cors) app.use('*', letOriginsIn(options.cors));

  app.use('*', async (_c, next) => {
    if (closing.signal.aborted)
      return fail('unavailable', 'The server is closing.', { retryAfterMs: RETRY_AFTER_MS });
    await next();
    return undefined;
  });

  // open to everybody: it is also how a client tells this server from a login page
  app.get('/capabilities', async (c) =>
    c.json({
      schema: schema ?? null,
      maxBatch: limits.maxBatch,
      maxBytes: limits.maxBytes,
      maxPage: MAX_PAGE,
      gzip: true,
      idempotencyRetentionSec,
      tombstoneRetentionSec,
      serverTime: new Date().toISOString(),
      epoch: await epoch(),
    }),
  );

  const signIn = async (c: Context<Env>, next: () => Promise<void>): Promise<Response | undefined> => {
    const who = authenticate ? await authenticate(c.req.raw) : { subject: 'anonymous' };
    if (who === undefined)
      return problemResponse(problem('unauthenticated'), { 'WWW-Authenticate': 'Bearer realm="holdfast"' });
    c.set('caller', toCaller(who));
    await next();
    return undefined;
  };

  /** Lets a request in and out; `answer` must see to it that `leave` is called when it does not end with its response. */
  async function admitted(
    c: Context<Env>,
    kind: RequestKind,
    answer: (leave: () => void) => Promise<Response>,
  ): Promise<Response> {
    const entry = admission.enter(kind, c.get('caller'));
    if (!entry.ok) return problemResponse(entry.problem);
    const { leave } = entry;
    try {
      const response = await answer(leave);
      if (kind === 'work' || response.status >= 400) leave();
      return response;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** What is asked for, or the answer of a caller who may not have it. */
  async function asked(c: Context<Env>): Promise<Omit<FeedRequest, 'leave'> | Response> {
    const query = new URL(c.req.url).searchParams;
    const scope = query.get('scope') ?? MAIN_SCOPE;
    if (scope.length > limits.maxNameLength || isUnnameable(scope))
      return fail('malformed-request', 'Bad scope.');
    const caller = c.get('caller');
    if (authorizeScope && !(await authorizeScope(scope, caller))) return fail('forbidden');
    return { query, scope: feedName(caller.tenant, scope), signal: c.req.raw.signal };
  }

  const opsRoute = createPushRoute({
    database,
    parser,
    push,
    epoch,
    maxBytes: limits.maxBytes,
    schema: options.schema,
  });
  app.post('/ops', signIn, (c) => admitted(c, 'work', () => opsRoute(c.req.raw, c.get('caller'))));

  const reading =
    (answer: FeedRoute, kindOf: (query: URLSearchParams) => RequestKind) =>
    async (c: Context<Env>): Promise<Response> => {
      const request = await asked(c);
      if (request instanceof Response) return request;
      return admitted(c, kindOf(request.query), (leave) => answer({ ...request, leave }));
    };
  app.get(
    '/changes',
    signIn,
    reading(feed.changes, (query) => (query.has('wait') ? 'wait' : 'work')),
  );
  app.get(
    '/snapshot',
    signIn,
    reading(feed.snapshot, () => 'work'),
  );

  const streaming = reading(feed.stream, () => 'wait');
  app.get('/stream', signIn, async (c) => {
    if (c.req.header('Upgrade')?.toLowerCase() !== 'websocket') return streaming(c);
    if (upgradeWebSocket === undefined) return fail('no-websocket');
    // a page of any origin may open a socket, and the browser sends the cookies along
    if (isFromElsewhere(c.req.raw, options.cors?.origin)) return fail('forbidden', 'Unknown origin.');
    const request = await asked(c);
    if (request instanceof Response) return request;
    return admitted(c, 'wait', async (leave) =>
      upgradeWebSocket(c, await feed.socket({ ...request, leave })),
    );
  });

  app.all('/ops', () => problemResponse(problem('method-not-allowed'), { Allow: 'POST' }));
  for (const path of ['/changes', '/snapshot', '/stream', '/capabilities'])
    app.all(path, () => problemResponse(problem('method-not-allowed'), { Allow: 'GET' }));
  app.notFound(() => fail('route-not-found'));
  app.onError((error) => {
    if (error instanceof DatabaseError && error.kind === 'unavailable') {
      logger.warn('The database is unavailable.', error);
      return fail('unavailable', undefined, { retryAfterMs: RETRY_AFTER_MS });
    }
    logger.error('A request failed.', error);
    return fail('internal');
  });

  const ready = life().then(() => undefined);
  ready.catch((error: unknown) => logger.error('The database could not be prepared.', error));

  async function collectNow(what?: CollectOptions): Promise<Collected> {
    await life();
    const ago = (seconds: number): Date => new Date(Date.now() - seconds * 1000);
    const kept = { changesBefore: ago(tombstoneRetentionSec), opsBefore: ago(idempotencyRetentionSec) };
    return collect(database, what ?? kept, closing.signal);
  }
  const collecting =
    options.collectEveryMs === undefined
      ? undefined
      : repeat(options.collectEveryMs, closing.signal, async () => {
          await collectNow().catch((error: unknown) => logger.warn('Nothing could be collected.', error));
        });

  return {
    ready,
    async fetch(request, env) {
      const answer = Promise.resolve(app.fetch(request, env));
      underWay.add(answer);
      try {
        return await answer;
      } finally {
        underWay.delete(answer);
      }
    },
    async seed(type, rows, { tenant = '' } = {}) {
      const { numbering } = await life();
      const scopes = await seedRows(database, type, rows, {
        scopeOf,
        numbering,
        tenant: toCaller({ subject: '', tenant }).tenant,
      });
      watch.announce(scopes);
      return scopes.length > 0 ? rows.length : 0;
    },
    collect: collectNow,
    async close() {
      closing.abort();
      await Promise.allSettled([...underWay]);
      await collecting;
      await watch.close();
      await ready.catch(() => undefined);
    },
  };
}

interface Env {
  readonly Variables: { readonly caller: Caller };
}
