import { describe, SyncError } from '../domain/errors.js';
import type { Reply, SealedOp, Transport } from '../engine/ports.js';
import { authorize, within, type Auth } from './authorize.js';
import { receive, replyOfRequest, type Answer, type Received } from './httpReplies.js';
import { exchange } from './restExchange.js';
import { readCommand } from './restReplies.js';
import { encodeRest, readRest, type RestApi, type RestCommand, type RestRequest } from './restRequests.js';
import {
  resourceOf,
  SAFETIES,
  type Resource,
  type RestJson,
  type RestResource,
  type RestSafety,
} from './restResource.js';

export interface RestTransportOptions {
  /** Where the API is, e.g. `https://example.com/api`; the paths of rows are appended. */
  readonly url: string;
  /** How collections are mapped to the API, by name. What is left out has its defaults. */
  readonly resources?: Readonly<Record<string, RestResource>>;
  /** The requests that carry out commands (`defineMutation({ command: true })`), by name. */
  readonly commands?: Readonly<Record<string, (args: RestJson) => RestCommand>>;
  /** What makes it safe to repeat a POST whose answer was lost. @default 'client-ids' */
  readonly safety?: RestSafety;
  /** The header that carries `"token.rev"`, the same at every attempt; `false` sends none. @default 'Idempotency-Key' */
  readonly idempotencyHeader?: string | false;
  /** Asked for at every request and never stored (LF2). */
  readonly auth?: Auth;
  /** @default the global `fetch`, looked up at each request */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * No op takes longer, with all its requests. Keep it below the client's `timeoutMs`, which ends all ops of a push.
   * @default 20_000
   */
  readonly timeoutMs?: number;
  /** Rows written at a time, each by a request of its own. @default 6 */
  readonly maxBatch?: number;
}

/**
 * Sends changes to a REST API as it is: POST, PUT, PATCH and DELETE on ordinary URLs, with `Idempotency-Key` and
 * `If-Match`. A mutation changes one row, for no REST API makes two requests one. Other devices' rows come from
 * elsewhere: a REST API has no change feed, so there is no `pull`.
 * @example
 * restTransport({ url: '/api', resources: { todos: { path: '/tasks', contentType: 'application/json' } } })
 */
export function restTransport(options: RestTransportOptions): Transport {
  const { timeoutMs = 20_000, maxBatch = 6, resources = {}, commands = {}, safety = 'client-ids' } = options;
  const { idempotencyHeader = 'Idempotency-Key' } = options;
  if (typeof options.url !== 'string' || options.url === '')
    throw invalid('url', 'must be a non-empty string', options.url);
  for (const [name, value] of Object.entries({ timeoutMs, maxBatch }))
    if (!Number.isSafeInteger(value) || value < 1) throw invalid(name, 'must be a positive integer', value);
  if (!SAFETIES.includes(safety)) throw invalid('safety', `must be one of ${SAFETIES.join(', ')}`, safety);
  const base = options.url.replace(/\/+$/, '');
  const known = new Map<string, Resource>();
  const resource = (name: string): Resource => {
    const found =
      known.get(name) ??
      resourceOf(name, Object.hasOwn(resources, name) ? (resources[name] ?? {}) : {}, safety);
    known.set(name, found);
    return found;
  };
  Object.keys(resources).forEach(resource);
  const api: RestApi = { resource, commands, idempotencyHeader };
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => globalThis.fetch(...args));
  const authorized = authorize(options.auth, timeoutMs);

  function ask({ method, path, headers, body }: RestRequest, signal: AbortSignal): Promise<Received> {
    return authorized(signal, async (credentials, deadline) => {
      const response = await send(`${base}${path}`, {
        method,
        headers: { ...credentials, accept: 'application/json', ...headers },
        ...(body !== undefined && { body }),
        redirect: 'manual',
        cache: 'no-store',
        signal: deadline,
      });
      return receive(response);
    });
  }

  /** Resolves whatever the network does. */
  function deliver(sealed: SealedOp, signal: AbortSignal): Promise<Answer> {
    const op = readRest(sealed.body);
    if (op === undefined) return Promise.resolve(OF_ANOTHER_TRANSPORT);
    if (op.kind === 'nothing') return Promise.resolve(NOTHING_TO_DO);
    return within(timeoutMs, signal, async (deadline) => {
      const askNow = (request: RestRequest): Promise<Received> => ask(request, deadline);
      return op.kind === 'command'
        ? readCommand(await askNow(op.request))
        : exchange(op, { ask: askNow, resource: resource(op.collection), resent: sealed.resent !== false });
    }).catch(replyOfRequest);
  }

  return {
    ordered: false,
    limits: { maxBatch, maxBytes: Infinity },
    encode: (op) => encodeRest(op, api),
    push: (sealed, { signal }): Promise<readonly Reply[]> =>
      Promise.all(sealed.map((op) => deliver(op, signal))),
  };
}

const NOTHING_TO_DO: Answer = { kind: 'answer', status: 204, rows: [] };
// Refused, so that it stays as a dead letter: sent again as it is, it would get the same answer for ever.
const OF_ANOTHER_TRANSPORT: Answer = {
  kind: 'answer',
  status: 400,
  rows: [],
  problem: { title: 'Sealed for another transport', detail: 'It may have reached the former server.' },
};

function invalid(name: string, must: string, value: unknown): SyncError {
  return new SyncError('INVALID_OPTIONS', `restTransport: ${name} ${must}, received ${describe(value)}.`);
}
