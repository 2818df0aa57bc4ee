import type { ServerRow } from '../domain/entity.js';
import { SyncError } from '../domain/errors.js';
import { holds } from '../domain/mergePatch.js';
import type { Answer, Received } from './httpReplies.js';
import { readFound, readReply, readSight, type Sight } from './restReplies.js';
import type { RestRequest, RowOp } from './restRequests.js';
import { encodePath, entityTag, type Resource, type RestGet } from './restResource.js';

export interface Exchange {
  /** Sends with fresh credentials. Rejects when no answer came. */
  readonly ask: (request: RestRequest) => Promise<Received>;
  readonly resource: Resource;
  /** Whether the server may have seen this op before. */
  readonly resent: boolean;
}

/**
 * Carries out one op: one request, and a GET of the row where an answer, or the lack of an earlier one, leaves open
 * what happened.
 *
 * | when                                     | the row is there                       | it is not             |
 * | ---------------------------------------- | -------------------------------------- | --------------------- |
 * | a POST is repeated                       | created before: 2xx                    | POST                  |
 * | 409, 412 to an insert                    | as it was sent: 2xx; else the answer,  | the answer            |
 * |                                          | with the row                           |                       |
 * | 409, 412 to a repeated update            | the same                               | the answer            |
 * | 409, 412 to any other                    | the answer, with the row               | a delete is done: 404 |
 * | 428                                      | again, with its version (RT1)          | the answer            |
 * | 2xx without a version, where one is kept | with that version                      | without rows          |
 *
 * With recorded keys a repeated op gets its first answer, so it is not asked what became of it.
 */
export async function exchange(op: RowOp, by: Exchange): Promise<Answer> {
  const created = by.resent ? await findCreated(op, by) : undefined;
  if (created !== undefined) return created;
  let reply = readReply(await by.ask(op.request), op, by.resource);
  if (reply.kind === 'answer' && reply.status === 428) {
    const seen = await look(op, by);
    const tag = seen.kind === 'found' ? entityTag(seen.row.version) : undefined;
    if (tag === undefined) return seen.kind === 'undecided' ? seen.reply : reply;
    const headers = { ...op.request.headers, 'if-match': tag };
    reply = readReply(await by.ask({ ...op.request, headers }), op, by.resource);
  }
  if (reply.kind !== 'answer') return reply;
  if (reply.status === 409 || reply.status === 412) return explain(reply, op, by);
  // Without it the next write would go with the version from before this one, and contradict itself.
  const isGuarded = op.kind !== 'delete' && op.request.headers['if-match'] !== undefined;
  return isGuarded && reply.status <= 299 && reply.rows[0]?.version === undefined
    ? { ...reply, rows: await freshRows(op, by) }
    : reply;
}

async function look(op: RowOp, { ask, resource }: Exchange): Promise<Sight> {
  return readSight(await ask({ method: 'GET', path: op.item, headers: {} }), op, resource);
}

async function freshRows(op: RowOp, by: Exchange): Promise<readonly ServerRow[]> {
  const seen = await look(op, by).catch(() => undefined);
  return seen?.kind === 'found' && seen.row.version !== undefined ? [seen.row] : [];
}

/** What an earlier POST of this op created; undefined when there is nothing, or no way to know. */
async function findCreated(op: RowOp, by: Exchange): Promise<Answer | undefined> {
  const { safety, findCreated: find } = by.resource;
  const { method, body = 'null' } = op.request;
  if (op.kind !== 'insert' || method !== 'POST' || safety === 'idempotency-key') return undefined;
  if (find !== undefined) {
    const found: unknown = await askApp(() => find(JSON.parse(body), getter(by)));
    return found === undefined || found === null ? undefined : readFound(found, op, by.resource);
  }
  if (safety === 'none') return undefined;
  const seen = await look(op, by);
  return seen.kind === 'undecided' || seen.kind === 'found' ? seen.reply : undefined;
}

/** What `get` could not fetch, as opposed to a mistake in the function that asked for it. */
class Unfetched extends Error {}

/** A mistake of the app's must not pass for a network that is gone. */
async function askApp<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Unfetched) throw error.cause;
    throw new SyncError(
      'UNEXPECTED_RESPONSE',
      'findCreated failed, so it is not known whether the row is there.',
      {
        cause: error,
      },
    );
  }
}

function getter({ ask }: Exchange): RestGet {
  return async (path, query = {}) => {
    const search = new URLSearchParams(query).toString();
    const url = `${encodePath(path, 'findCreated')}${search === '' ? '' : `?${search}`}`;
    const { response, json } = await ask({ method: 'GET', path: url, headers: {} }).catch(
      (cause: unknown) => {
        throw new Unfetched('No answer.', { cause });
      },
    );
    const { status, headers } = response;
    if (status === 404 || status === 410) return undefined;
    if (response.ok && json !== undefined) return json;
    const cause = Object.assign(new Error(`GET ${url} answered ${status}.`), { status, headers });
    throw new Unfetched(cause.message, { cause });
  };
}

/** A conflict, with the row that stands in the way; or none, because that row is what was to be (CF3). */
async function explain(reply: Extract<Answer, { kind: 'answer' }>, op: RowOp, by: Exchange): Promise<Answer> {
  const { safety } = by.resource;
  const isUnreadable = op.kind === 'insert' && safety === 'none';
  if (String(reply.problem?.type).endsWith('in-progress') || isUnreadable) return reply;
  const mayBeOurs =
    op.kind === 'insert' || (op.kind !== 'delete' && by.resent && safety !== 'idempotency-key');
  if (reply.rows.length > 0 && !mayBeOurs) return reply;
  const seen = await look(op, by);
  switch (seen.kind) {
    case 'undecided':
      return seen.reply;
    case 'unclear':
      return reply;
    case 'absent':
      return op.kind === 'delete' ? { ...reply, status: 404 } : reply;
    case 'found':
      return mayBeOurs && holds(seen.json, JSON.parse(op.request.body ?? 'null'))
        ? seen.reply
        : { ...reply, rows: [seen.row], problem: { ...reply.problem, current: entityOf(seen.row) } };
  }
}

/** In the protocol's form, for who shows the conflict to somebody. */
function entityOf({ collection: type, id, version, at, row: data }: ServerRow): object {
  return { type, id, ...(version !== undefined && { version }), ...(at !== undefined && { at }), data };
}
