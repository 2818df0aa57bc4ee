import { SyncError } from '../domain/errors.js';
import { idempotencyKey } from '../domain/mutation.js';
import { restOf } from '../domain/rateLimit.js';
import type { Reply } from '../domain/reply.js';
import { readRetryAfter } from '../domain/retryAfter.js';
import { replyOfThrown } from '../domain/thrown.js';
import { isObject, readResult } from '../domain/wire.js';
import type { SealedOp } from '../engine/ports.js';

// From an HTTP response to replies: what may be believed of it, and what is an unknown outcome (RT1).

/** A reply to a request; what is left out of a batch is known only per op. */
export type Answer = Exclude<Reply, { kind: 'omitted' }>;

/** An answer received in full: `json` is undefined unless it was sent as JSON and parses. */
export interface Received {
  readonly response: Response;
  readonly text: string;
  readonly json: unknown;
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\b/i;

/**
 * Why no answer was received. What a `fetch` of the app's own throws may carry a status; it is believed as far as that
 * of an answer without a body would be.
 */
export function replyOfRequest(error: unknown): Answer {
  const reply = replyOfThrown(error, Date.now());
  switch (reply.kind) {
    case 'answer':
      return reply.status >= 500 || WITHOUT_PROBLEM.has(reply.status)
        ? reply
        : { kind: 'failure', failure: 'unexpected', cause: error };
    case 'failure':
      return reply.failure === 'unclassified' ? { ...reply, failure: 'network', cause: error } : reply;
    case 'omitted':
      throw error;
  }
}

/** No answer is read any further. */
export const MAX_ANSWER_BYTES: number = 64 * 1024 * 1024;

/** Reads the body within the request's own deadline. Part of a body is no answer, but a status needs none. */
export async function receive(response: Response, maxBytes: number = MAX_ANSWER_BYTES): Promise<Received> {
  const { status, redirected } = response;
  // An opaque redirect has status 0; 3xx is somebody else's answer, for this protocol has none.
  if (redirected || status < 200 || (status >= 300 && status <= 399))
    throw unexpected({ response, text: '' }, 'it leads elsewhere, or nowhere');
  let text = '';
  try {
    text = await textOf(response, maxBytes);
  } catch (cause) {
    if (cause instanceof Error && (cause.name === 'AbortError' || cause.name === 'TimeoutError')) throw cause;
    if (cause instanceof RangeError) throw unexpected({ response, text }, cause.message, cause);
    if (response.ok) throw unexpected({ response, text }, 'its body broke off', cause);
  }
  return { response, text, json: parse(response, text) };
}

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const { body } = response;
  // Some platforms have no streams: then all of it is here before its length is known.
  const reader = body?.getReader();
  if (reader === undefined) return response.text();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      void reader.cancel().catch(() => undefined);
      throw new RangeError(`its body has more than ${maxBytes} bytes, and was not read any further`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parse(response: Response, text: string): unknown {
  if (!JSON_TYPE.test(response.headers.get('content-type') ?? '')) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function readPush(received: Received, sealed: readonly SealedOp[]): readonly Reply[] {
  const { response, json } = received;
  const all = (reply: Reply): readonly Reply[] => sealed.map(() => reply);
  if (!response.ok) return all(refusalOfAll(received));
  const results = isObject(json) ? json['results'] : undefined;
  if (!Array.isArray(results)) return all(failed(unexpected(received, 'it has no results')));
  const rest = { ...restOf(response.headers, Date.now()), ...serverTimeIn(json) };
  const replies = new Map<string, Reply>();
  const expected = new Set(sealed.map(idempotencyKey));
  for (const result of results.map(readResult)) {
    if (result === undefined || !expected.has(result.key) || replies.has(result.key)) continue;
    const { key, reply } = result;
    replies.set(
      key,
      reply.kind === 'wrong'
        ? failed(unexpected(received, `${key} has ${reply.wrong}`))
        : { ...reply, ...rest },
    );
  }
  if (replies.size === 0) return all(failed(unexpected(received, 'it answers none of the ops')));
  return sealed.map((op) => replies.get(idempotencyKey(op)) ?? { kind: 'omitted' });
}

/** `serverTime`, ISO 8601, as a reply carries it. */
function serverTimeIn(json: unknown): Pick<Extract<Answer, { kind: 'answer' }>, 'serverTime'> {
  const at = isObject(json) ? Date.parse(String(json['serverTime'])) : NaN;
  return Number.isFinite(at) ? { serverTime: { at, resolutionMs: 1 } } : {};
}

// Statuses by which a proxy or a gateway speaks for itself as well as the server would.
export const WITHOUT_PROBLEM: ReadonlySet<number> = new Set([401, 408, 413, 425, 426, 429]);
// Statuses that speak of one row. Of a whole request they say that nothing of this protocol is at this address, and
// taking them for an op's would confirm deletes the server never saw.
const OF_A_ROW: ReadonlySet<number> = new Set([404, 405, 409, 410, 412]);

/** Whether the server has done with an op, either way, so that later ones may follow. */
export function isDecided(reply: Reply): boolean {
  return reply.kind === 'answer' && reply.status < 500 && ![401, 408, 425, 426, 429].includes(reply.status);
}

/** The envelope is not 2xx: nothing was decided, or the request as a whole is refused. */
function refusalOfAll(received: Received): Answer {
  const { status } = received.response;
  const trusted =
    status >= 500 || WITHOUT_PROBLEM.has(status) || (isObject(received.json) && !OF_A_ROW.has(status));
  return trusted
    ? { ...answer(received), wholeRequest: true }
    : failed(unexpected(received, 'it is not an answer of this protocol'));
}

export function answer({ response, json }: Received): Extract<Answer, { kind: 'answer' }> {
  const problem = isObject(json) ? json : undefined;
  const retryAfterMs = readRetryAfter(response.headers, problem, Date.now());
  return {
    kind: 'answer',
    status: response.status,
    rows: [],
    ...(problem !== undefined && { problem }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...restOf(response.headers, Date.now()),
    ...dateOf(response.headers),
  };
}

/** The `Date` of an answer (RFC 9110 §6.6.1): whole seconds, rounded down. */
function dateOf(headers: Headers): Pick<Extract<Answer, { kind: 'answer' }>, 'serverTime'> {
  const at = Date.parse(headers.get('date') ?? '');
  return Number.isFinite(at) ? { serverTime: { at, resolutionMs: 1_000 } } : {};
}

export function failed(cause: SyncError): Answer {
  return { kind: 'failure', failure: 'unexpected', cause };
}

/** Names what came instead, for whoever has to find the proxy, the portal or the wrong address. */
export function unexpected(
  { response, text }: { readonly response: Response; readonly text: string },
  why: string,
  cause?: unknown,
): SyncError {
  const type = response.headers.get('content-type') ?? 'no content type';
  const start = text === '' ? 'no body' : `"${text.slice(0, 80)}"`;
  return new SyncError(
    'UNEXPECTED_RESPONSE',
    `${response.url || 'The server'} answered ${response.status} (${type}, ${start}): ${why}. The outcome is unknown.`,
    { ...(cause !== undefined && { cause }), status: response.status, details: { type, start } },
  );
}
