import { v4 as uuid } from 'uuid';
import { describe, SyncError } from '../domain/errors.js';
import { encodeOp } from '../domain/wire.js';
import type { Transport } from '../engine/ports.js';
import { authorize, type Auth } from './authorize.js';
import { readPull, readPush, receive, replyOfRequest, type Answer, type Received } from './httpReplies.js';

export interface HttpTransportOptions {
  /** Where the protocol is served, e.g. `/sync`; its paths (`/ops`, `/changes`) are appended. */
  readonly url: string;
  /** Names this page in the server's feed. @default a random id per transport */
  readonly client?: string;
  /** Asked for at every request and never stored (LF2). */
  readonly auth?: Auth;
  /** @default the global `fetch`, looked up at each request */
  readonly fetch?: typeof globalThis.fetch;
  /** No request takes longer, its body and a refresh of credentials included. @default 30_000 */
  readonly timeoutMs?: number;
  /** Ops per push. @default 100 */
  readonly maxBatch?: number;
  /** Bytes of one request's body. @default 524_288 (512 KiB) */
  readonly maxBytes?: number;
  /** Changes per page of a pull. @default 500 */
  readonly pageSize?: number;
  /** The version of the app's data, for a server that refuses apps too old for it (426). */
  readonly schema?: number;
}

/**
 * The sync protocol over HTTP: `POST {url}/ops` and `GET {url}/changes`. Nothing counts as success but a JSON answer
 * that echoes the op: a login page with status 200 is an unknown outcome (RT1).
 * @example
 * httpTransport({ url: '/sync', auth: { headers: () => ({ authorization: `Bearer ${session.token}` }) } })
 */
export function httpTransport(options: HttpTransportOptions): Transport {
  const { timeoutMs = 30_000, maxBatch = 100, maxBytes = 512 * 1024, pageSize = 500, schema } = options;
  const base = checkUrl(options.url);
  for (const [name, value] of Object.entries({ timeoutMs, maxBatch, maxBytes, pageSize })) check(name, value);
  const client = options.client ?? `c_${uuid()}`;
  const envelope = JSON.stringify({ client, ...(schema !== undefined && { schema }) }).slice(0, -1);
  const wrap = (bodies: readonly string[]): string => `${envelope},"ops":[${bodies.join(',')}]}`;
  const room = maxBytes - bytes(wrap([])) - (maxBatch - 1); // commas
  if (room < 256) throw invalid('maxBytes', 'leaves no room for an op', maxBytes);
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => globalThis.fetch(...args));
  const authorized = authorize(options.auth, timeoutMs);

  /** Resolves whatever the network does. */
  function request(path: string, init: RequestInit, signal: AbortSignal): Promise<Received | Answer> {
    return authorized(signal, async (headers, deadline) => {
      const response = await send(`${base}${path}`, {
        ...init,
        headers: { ...headers, accept: 'application/json', ...(init.method === 'POST' && JSON_HEADERS) },
        redirect: 'manual',
        cache: 'no-store',
        signal: deadline,
      });
      return receive(response);
    }).catch(replyOfRequest);
  }

  return {
    ordered: true,
    limits: { maxBatch, maxBytes: room },
    encode(op) {
      const body = encodeOp(op);
      const size = bytes(body);
      if (size <= room) return body;
      throw new SyncError(
        'TOO_LARGE',
        `An op may have ${room} bytes; ${op.token} has ${size}. Send less at once.`,
        {
          details: { bytes: size, maxBytes: room },
        },
      );
    },
    async push(sealed, { signal }) {
      const init = { method: 'POST', body: wrap(sealed.map(({ body }) => body)) };
      const received = await request('/ops', init, signal);
      return 'kind' in received ? sealed.map(() => received) : readPush(received, sealed);
    },
    async pull({ cursor, signal }) {
      const since = cursor === undefined ? '' : `since=${encodeURIComponent(cursor)}&`;
      const received = await request(`/changes?${since}limit=${pageSize}`, { method: 'GET' }, signal);
      return 'kind' in received ? { kind: 'failed', reply: received } : readPull(received, cursor);
    },
  };
}

const JSON_HEADERS = { 'content-type': 'application/json' };

function checkUrl(url: unknown): string {
  if (typeof url !== 'string' || url === '') throw invalid('url', 'must be a non-empty string', url);
  return url.replace(/\/+$/, '');
}

function check(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw invalid(name, 'must be a positive integer', value);
}

function invalid(name: string, must: string, value: unknown): SyncError {
  return new SyncError('INVALID_OPTIONS', `httpTransport: ${name} ${must}, received ${describe(value)}.`);
}

const bytes = (text: string): number => new TextEncoder().encode(text).length;
