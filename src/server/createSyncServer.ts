import { Hono, type Context } from 'hono';
import { cors } from 'hono/cors';
import { createChangeBus } from './changeBus.js';
import { collect } from './collect.js';
import { DatabaseError } from './database.js';
import type { ScopeOf } from './effect.js';
import { createFeedRoutes, MAIN_SCOPE, type FeedRoute } from './feedRoutes.js';
import { checkLimits } from './limits.js';
import { silentLogger } from './logger.js';
import { migrate } from './migrate.js';
import { createPushParser } from './parsePush.js';
import { problem, problemResponse, RETRY_AFTER_MS } from './problem.js';
import { createPush } from './push.js';
import { createPushRoute } from './pushRoute.js';
import { seedRows } from './seed.js';
import type { SyncServer, SyncServerOptions } from './syncServer.js';

const EXPOSED_HEADERS = [
  'ETag',
  'Retry-After',
  'Date',
  'Idempotency-Replayed',
  'Location',
  // Set by what limits rates before this server: the IETF draft's names, then its older ones and their ancestors.
  'RateLimit',
  'RateLimit-Policy',
  ...['Limit', 'Remaining', 'Reset'].flatMap((what) => [`RateLimit-${what}`, `X-RateLimit-${what}`]),
];
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
  const { database, authenticate, authorizeScope, logger = silentLogger, schema } = options;
  const limits = checkLimits(options.limits);
  const scopeOf: ScopeOf = options.scopeOf ?? (() => MAIN_SCOPE);
  const closing = new AbortController();
  const underWay = new Set<Promise<unknown>>();

  let opening: Promise<string> | undefined;
  const epoch = (): Promise<string> =>
    (opening ??= migrate(database).catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));

  const bus = createChangeBus({ database, logger });
  const parser = createPushParser(limits);
  const push = createPush({
    database,
    parser,
    logger,
    authorize: options.authorize,
    rules: { commands: options.commands ?? {}, validate: options.validate, scopeOf },
    onCommit: (scopes) => bus.announce(scopes),
  });
  const feed = createFeedRoutes({
    database,
    bus,
    epoch,
    heartbeatMs: options.heartbeatMs ?? 20_000,
    closing: closing.signal,
  });

  const app = new Hono<{ Variables: { subject: string } }>().basePath(options.basePath ?? '/sync');
  type Ctx = Context<{ Variables: { subject: string } }>;
  const fail = (...args: Parameters<typeof problem>): Response => problemResponse(problem(...args));

  if (options.cors) {
    const { origin, credentials = false } = options.cors;
    app.use(
      '*',
      cors({
        origin: typeof origin === 'string' ? origin : [...origin],
        credentials,
        exposeHeaders: EXPOSED_HEADERS,
      }),
    );
  }

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
      gzip: true,
      idempotencyRetentionSec: options.idempotencyRetentionSec ?? THIRTY_DAYS_SEC,
      tombstoneRetentionSec: options.tombstoneRetentionSec ?? THIRTY_DAYS_SEC,
      serverTime: new Date().toISOString(),
      epoch: await epoch(),
    }),
  );

  const signIn = async (c: Ctx, next: () => Promise<void>): Promise<Response | undefined> => {
    const who = authenticate ? await authenticate(c.req.raw) : { subject: 'anonymous' };
    if (who === undefined)
      return problemResponse(problem('unauthenticated'), { 'WWW-Authenticate': 'Bearer realm="holdfast"' });
    c.set('subject', who.subject);
    await next();
    return undefined;
  };

  const opsRoute = createPushRoute({
    database,
    parser,
    push,
    epoch,
    maxBytes: limits.maxBytes,
    schema: options.schema,
  });
  app.post('/ops', signIn, (c) => opsRoute(c.req.raw, c.get('subject')));

  const reading =
    (answer: FeedRoute) =>
    async (c: Ctx): Promise<Response> => {
      const query = new URL(c.req.url).searchParams;
      const scope = query.get('scope') ?? MAIN_SCOPE;
      if (scope.length > limits.maxNameLength || scope.includes('\0'))
        return fail('malformed-request', 'Bad scope.');
      if (authorizeScope && !(await authorizeScope(scope, { subject: c.get('subject') })))
        return fail('forbidden');
      return answer(query, c.req.raw.signal);
    };
  app.get('/changes', signIn, reading(feed.changes));
  app.get('/snapshot', signIn, reading(feed.snapshot));
  app.get('/stream', signIn, reading(feed.stream));

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

  const ready = epoch().then(() => undefined);
  ready.catch((error: unknown) => logger.error('The database could not be prepared.', error));

  return {
    ready,
    async fetch(request) {
      const answer = Promise.resolve(app.fetch(request));
      underWay.add(answer);
      try {
        return await answer;
      } finally {
        underWay.delete(answer);
      }
    },
    async seed(type, rows) {
      await epoch();
      const inserted = await seedRows(database, scopeOf, type, rows);
      if (inserted > 0) bus.announce(new Set(rows.map(({ id }) => scopeOf(type, id))));
      return inserted;
    },
    async collect(what) {
      await epoch();
      return collect(database, what);
    },
    async close() {
      closing.abort();
      await Promise.allSettled([...underWay]);
      await bus.close();
      await ready.catch(() => undefined);
    },
  };
}
