import type { Problem } from './protocol.js';

/** The last part of a problem's `type`. */
export type ProblemName =
  | 'malformed-json'
  | 'malformed-request'
  | 'malformed-cursor'
  | 'unauthenticated'
  | 'forbidden'
  | 'wrong-account'
  | 'route-not-found'
  | 'not-found'
  | 'method-not-allowed'
  | 'exists'
  | 'superseded'
  | 'cursor-expired'
  | 'version-mismatch'
  | 'body-too-large'
  | 'batch-too-large'
  | 'unsupported-media-type'
  | 'invalid'
  | 'key-reused'
  | 'unknown-command'
  | 'dependency-not-accepted'
  | 'batch-not-accepted'
  | 'schema-unsupported'
  | 'too-many-requests'
  | 'internal'
  | 'no-websocket'
  | 'overloaded'
  | 'unavailable';

const PROBLEMS: Readonly<Record<ProblemName, readonly [status: number, title: string]>> = {
  'malformed-json': [400, 'The body is not JSON'],
  'malformed-request': [400, 'The request is malformed'],
  'malformed-cursor': [400, 'The cursor is malformed'],
  unauthenticated: [401, 'Sign in first'],
  forbidden: [403, 'Not allowed'],
  'wrong-account': [403, 'These changes belong to another account'],
  'route-not-found': [404, 'No such address'],
  'not-found': [404, 'No such row'],
  'method-not-allowed': [405, 'This method is not supported here'],
  exists: [409, 'The row exists with other content'],
  superseded: [409, 'A later revision of this op was sent'],
  'cursor-expired': [410, 'The feed cannot continue from this cursor'],
  'version-mismatch': [412, 'The row has another version'],
  'body-too-large': [413, 'The body is too large'],
  'batch-too-large': [413, 'The batch has too many ops'],
  'unsupported-media-type': [415, 'The body must be application/json'],
  invalid: [422, 'The content is not valid'],
  'key-reused': [422, 'The idempotency key was used for other content'],
  'unknown-command': [422, 'No such command'],
  'dependency-not-accepted': [424, 'An op this one needs was not accepted'],
  'batch-not-accepted': [424, 'Another op of this atomic batch was not accepted'],
  'schema-unsupported': [426, 'This version of the app is too old or too new'],
  'too-many-requests': [429, 'Too many requests of yours are under way'],
  internal: [500, 'The server failed'],
  'no-websocket': [501, 'This server has no WebSocket'],
  overloaded: [503, 'Too many requests are under way'],
  unavailable: [503, 'Try again later'],
};

/** Builds a problem document (RFC 9457). `members` are added as they are. */
export function problem(
  name: ProblemName,
  detail?: string,
  members: Readonly<Record<string, unknown>> = {},
): Problem {
  const [status, title] = PROBLEMS[name];
  return {
    type: `urn:holdfast:problem:${name}`,
    title,
    status,
    ...(detail !== undefined && { detail }),
    ...members,
  };
}

/** The problem as a response, `Retry-After` (whole seconds) from its `retryAfterMs`. */
export function problemResponse(content: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  const { retryAfterMs } = content;
  return new Response(JSON.stringify(content), {
    status: content.status,
    headers: {
      'Content-Type': 'application/problem+json',
      ...(typeof retryAfterMs === 'number' && { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) }),
      ...headers,
    },
  });
}

/** What a client is asked to wait when the database is away. */
export const RETRY_AFTER_MS = 1000;
