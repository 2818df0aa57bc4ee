/** No server may silence a client for longer: a wrong clock or a typo would otherwise park a queue for years. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Milliseconds to wait, from a `Retry-After` header: delta seconds or an HTTP date (RFC 9110 §10.2.3), the date taken
 * relative to the response's own `Date` where visible. Clamped to [0, 1 h]; undefined when it says nothing usable.
 */
export function parseRetryAfter(
  header: string | null | undefined,
  date: string | null | undefined,
  now: number,
): number | undefined {
  const text = header?.trim();
  if (text === undefined || text === '') return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDate(text) - dateOr(date, now);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

// An HTTP date begins with a day's name; `Date.parse` alone would take "-5" or "soon 1" for dates.
const parseDate = (text: string): number =>
  /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(text) ? Date.parse(text) : NaN;

function dateOr(date: string | null | undefined, now: number): number {
  const parsed = date == null ? NaN : parseDate(date);
  return Number.isNaN(parsed) ? now : parsed;
}

/** What may carry a server's wish to be left alone: `Retry-After`, or `retryAfterMs` in the body where CORS hides headers. */
export function readRetryAfter(
  headers: { get(name: string): unknown } | undefined,
  body: unknown,
  now: number,
): number | undefined {
  const text = (name: string): string | undefined => {
    const value = headers?.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  return parseRetryAfter(text('retry-after'), text('date'), now) ?? clampRetryAfter(body);
}

function clampRetryAfter(body: unknown): number | undefined {
  if (typeof body !== 'object' || body === null || !('retryAfterMs' in body)) return undefined;
  const ms = body.retryAfterMs;
  return typeof ms === 'number' && !Number.isNaN(ms)
    ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
    : undefined;
}
