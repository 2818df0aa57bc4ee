import { describe, SyncError } from '../domain/errors.js';
import { encodeOp } from '../domain/wire.js';
import type { Reply, SealedOp, Transport } from '../engine/ports.js';
import { ascendingIds } from './ascendingIds.js';
import { authorize, type Auth } from './authorize.js';
import { pullPath, readPull } from './httpPulls.js';
import {
  isDecided,
  MAX_ANSWER_BYTES,
  readPush,
  receive,
  replyOfRequest,
  type Answer,
  type Received,
} from './httpReplies.js';

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
  /** The most changes or rows of one page of a pull; how many it asks for depends on how fast they come. @default 500 */
  readonly pageSize?: number;
  /** No answer is read beyond so many bytes, counted after decompression: the request has failed then. @default 67_108_864 (64 MiB) */
  readonly maxAnswerBytes?: number;
  /** Whether the server has `GET {url}/snapshot`; without it everything is read from the feed's beginning. @default true */
  readonly snapshots?: boolean;
  /** The version of the app's data, for a server that refuses apps too old for it (426). */
  readonly schema?: number;
}

/**
 * The sync protocol over HTTP: `POST {url}/ops`, `GET {url}/changes`, `GET {url}/snapshot`. Nothing counts as success but a JSON answer
 * that echoes the op: a login page with status 200 is an unknown outcome (RT1).
 * @example
 * httpTransport({ url: '/sync', auth: { headers: () => ({ authorization: `Bearer ${session.token}` }) } })
 */
export function httpTransport(options: HttpTransportOptions): Transport {
  const {
    timeoutMs = 30_000,
    maxBatch = 100,
    maxBytes = 512 * 1024,
    pageSize = 500,
    maxAnswerBytes = MAX_ANSWER_BYTES,
    snapshots = true,
    schema,
  } = options;
  const base = checkUrl(options.url);
  const numbers = { timeoutMs, maxBatch, maxBytes, pageSize, maxAnswerBytes };
  for (const [name, value] of Object.entries(numbers)) check(name, value);
  const client = options.client ?? `c_${ascendingIds()()}`;
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
      return receive(response, maxAnswerBytes);
    }).catch(replyOfRequest);
  }

  async function push(sealed: readonly SealedOp[], signal: AbortSignal): Promise<readonly Reply[]> {
    const init = { method: 'POST', body: wrap(sealed.map(({ body }) => body)) };
    const received = await request('/ops', init, signal);
    if ('kind' in received) return sealed.map(() => received);
    if (received.response.status === 413 && sealed.length > 1) return pushHalves(sealed, signal);
    return readPush(received, sealed);
  }

  /** Somebody on the way allows less than we were told. Only an op that is too large by itself is refused for it. */
  async function pushHalves(sealed: readonly SealedOp[], signal: AbortSignal): Promise<readonly Reply[]> {
    const middle = Math.ceil(sealed.length / 2);
    const [first, second] = [sealed.slice(0, middle), sealed.slice(middle)];
    const replies = await push(first, signal);
    // What comes later must not overtake what is still undecided.
    const rest = replies.every(isDecided) ? await push(second, signal) : second.map(() => OMITTED);
    return [...replies, ...rest];
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
    push: (sealed, { signal }) => push(sealed, signal),
    snapshots,
    maxPage: pageSize,
    async pull({ signal, ...target }) {
      const received = await request(pullPath(target, pageSize), { method: 'GET' }, signal);
      return 'kind' in received ? { kind: 'failed', reply: received } : readPull(received, target);
    },
  };
}

const OMITTED: Reply = { kind: 'omitted' };
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
