import { describe, SyncError, type SyncErrorCode } from './errors.js';
import { restOf } from './rateLimit.js';
import type { Problem, Reply } from './reply.js';
import { readRetryAfter, type ReadableHeaders } from './retryAfter.js';
import { toJson } from './serialize.js';
import { isObject } from './wire.js';

/**
 * What a definition's own function threw, as a reply. By type and numbers, never by message text:
 *
 * | thrown                                                 | reply                                       |
 * | ------------------------------------------------------ | ------------------------------------------- |
 * | `SyncError`                                            | what its code says; whom it asks for decides |
 * | `status`, `statusCode` or `response.status` 400 to 599 | an answer with that status                  |
 * | such a status of 0                                     | network                                     |
 * | any other such status (a 200 that could not be read)   | unexpected                                  |
 * | `AbortError`, `TimeoutError`                           | timeout                                     |
 * | `TypeError` (what `fetch` throws)                      | network                                     |
 * | anything else                                          | unclassified: the outcome is unknown        |
 *
 * An unknown outcome is retried with the same key: dropping it could lose it, and the key keeps it from happening twice.
 * @param now milliseconds since the epoch, to read a date in the headers where the response shows no `Date`
 */
export function replyOfThrown(error: unknown, now: number = NaN): Reply {
  if (error instanceof SyncError) return ofSyncError(error);
  const status = statusOf(error);
  if (status !== undefined) return ofStatus(error, status, now);
  if (error instanceof Error || isDomException(error)) {
    if (error.name === 'AbortError' || error.name === 'TimeoutError') return failure('timeout', error);
    if (error instanceof TypeError) return failure('network', error);
  }
  const cause = new SyncError(
    'UNCLASSIFIED',
    `The mutation's function threw ${describe(error)}, which does not say whether the server did it, so it will be ` +
      'sent again with the same key. Throw a SyncError, or an error with a numeric `status`, to say so.',
    { cause: error },
  );
  return failure('unclassified', cause);
}

/** What a definition's own function returned, as a reply. A `Response` that nobody checked is judged by its status. */
export function replyOfValue(value: unknown, now: number = NaN): Reply {
  if (!isResponse(value)) return { kind: 'answer', status: 200, rows: [], result: value };
  if (value.ok && value['redirected'] !== true)
    return { kind: 'answer', status: value.status, rows: [], ...restOf(value.headers, now) };
  return ofStatus(value, value.ok ? 302 : value.status, now);
}

type FailureKind = Extract<Reply, { kind: 'failure' }>['failure'];

function failure(kind: FailureKind, cause: unknown, retryAfterMs?: number): Reply {
  return { kind: 'failure', failure: kind, cause, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

const STATUS: { readonly [C in SyncErrorCode]?: number } = {
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  CONFLICT: 412,
  TOO_LARGE: 413,
  DEPENDENCY: 424,
  CLIENT_OUTDATED: 426,
  UNAVAILABLE: 503,
};

const FAILURE: { readonly [C in SyncErrorCode]?: FailureKind } = {
  NETWORK: 'network',
  TIMEOUT: 'timeout',
  UNEXPECTED_RESPONSE: 'unexpected',
};

function ofSyncError(error: SyncError): Reply {
  const status = STATUS[error.code] ?? (error.recovery === 'user' ? 422 : undefined);
  if (status === undefined) return failure(FAILURE[error.code] ?? 'unclassified', error);
  const problem = asProblem(error.details['problem']);
  const retryAfterMs = readRetryAfter(undefined, problem ?? error.details, NaN);
  return {
    kind: 'answer',
    status,
    rows: [],
    ...(problem !== undefined && { problem }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    cause: error,
  };
}

function ofStatus(error: unknown, status: number, now: number): Reply {
  const at = (...path: string[]): unknown => pick(error, path);
  const body = [at('problem'), at('body'), at('data'), at('response', 'data')].map(asProblem);
  const problem = body.find((candidate) => candidate !== undefined);
  const headers = [at('headers'), at('response', 'headers')].find(hasGet);
  const retryAfterMs = readRetryAfter(headers, error, now) ?? readRetryAfter(undefined, problem, now);
  if (status === 0) return failure('network', error, retryAfterMs);
  if (status < 400 || status > 599) return failure('unexpected', error, retryAfterMs);
  return {
    kind: 'answer',
    status,
    rows: [],
    ...(problem !== undefined && { problem }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...restOf(headers, now),
    cause: error,
  };
}

function statusOf(error: unknown): number | undefined {
  const found = [pick(error, ['status']), pick(error, ['statusCode']), pick(error, ['response', 'status'])];
  return found.find((status) => typeof status === 'number' && Number.isInteger(status)) as number | undefined;
}

function pick(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const field of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[field];
  }
  return at;
}

/** Only what JSON carries: it will be stored with the verdict, and a stream or a class instance would spoil that. */
function asProblem(value: unknown): Problem | undefined {
  if (!isObject(value)) return undefined;
  try {
    return toJson(value, 'problem');
  } catch {
    return undefined;
  }
}

function hasGet(value: unknown): value is ReadableHeaders {
  return typeof value === 'object' && value !== null && 'get' in value && typeof value.get === 'function';
}

function isResponse(
  value: unknown,
): value is Record<string, unknown> & { ok: boolean; status: number; headers: ReadableHeaders } {
  return (
    isObject(value) &&
    typeof value['ok'] === 'boolean' &&
    typeof value['status'] === 'number' &&
    hasGet(value['headers'])
  );
}

// A DOMException is not an Error everywhere, and domain/ knows no DOM.
function isDomException(value: unknown): value is { readonly name: string } {
  return isObject(value) && typeof value['name'] === 'string' && typeof value['message'] === 'string';
}
