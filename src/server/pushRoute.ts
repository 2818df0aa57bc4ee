import { feedName, type Caller } from './caller.js';
import { formatCursor } from './cursor.js';
import type { Database } from './database.js';
import { readHeads } from './readFeed.js';
import { MAIN_SCOPE } from './feedRoutes.js';
import type { PushParser } from './parsePush.js';
import { problem, problemResponse, RETRY_AFTER_MS } from './problem.js';
import type { PushReply } from './protocol.js';
import type { Push } from './push.js';
import { readBody } from './readBody.js';

/** Options of {@link createPushRoute}. */
export interface PushRouteOptions {
  readonly database: Database;
  readonly parser: PushParser;
  readonly push: Push;
  /** Resolves when the database is ready. */
  readonly epoch: () => Promise<string>;
  readonly maxBytes: number;
  readonly schema: { readonly min: number; readonly max: number } | undefined;
}

/** `POST ops` for a signed-in subject. Not 2xx only when nothing was decided. */
export function createPushRoute(
  options: PushRouteOptions,
): (request: Request, caller: Caller) => Promise<Response> {
  const { database, parser, push, epoch, maxBytes, schema } = options;

  return async (request, caller) => {
    const body = await readBody(request, maxBytes);
    if (!body.ok) return problemResponse(body.problem);
    const parsed = parser.envelope(body.json);
    if (!parsed.ok) return problemResponse(parsed.problem);
    const { account, schema: spoken, ops } = parsed.envelope;
    if (account !== undefined && account !== caller.subject) return problemResponse(problem('wrong-account'));
    if (schema && spoken !== undefined && (spoken < schema.min || spoken > schema.max)) {
      const detail = `This server understands ${schema.min} to ${schema.max}; received ${spoken}.`;
      return problemResponse(problem('schema-unsupported', detail, { schema }));
    }

    const life = await epoch();
    const results = await push(parsed.envelope, caller);
    if (results.length === 0 && ops.length > 0)
      return problemResponse(problem('unavailable', undefined, { retryAfterMs: RETRY_AFTER_MS }));
    // what is decided is told, even if the database is gone by now
    const asked = new URL(request.url).searchParams.get('scope') ?? MAIN_SCOPE;
    const scope = feedName(caller.tenant, asked);
    const heads = await readHeads(database, [scope]).catch(() => undefined);
    const cursor = heads && formatCursor({ epoch: life, seq: heads.get(scope) ?? 0 });
    const reply: PushReply = { results, ...(cursor && { cursor }), serverTime: new Date().toISOString() };
    return Response.json(reply);
  };
}
