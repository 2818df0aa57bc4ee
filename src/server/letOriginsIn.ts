import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

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

/** Pages of other origins that may call, and read the headers a client needs. */
export interface AllowedOrigins {
  readonly origin: string | readonly string[];
  readonly credentials?: boolean;
}

/** CORS for the whole server. */
export function letOriginsIn({ origin, credentials = false }: AllowedOrigins): MiddlewareHandler {
  return cors({
    origin: typeof origin === 'string' ? origin : [...origin],
    credentials,
    exposeHeaders: EXPOSED_HEADERS,
  });
}
