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
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDate(text) - serverNow(date, now);
  return clampWait(ms);
}

/** Undefined for what is no number at all. */
export function clampWait(ms: number): number | undefined {
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

// An HTTP date begins with a day's name; `Date.parse` alone would take "-5" or "soon 1" for dates. All its forms are in
// GMT (RFC 9110 §5.6.7), also the one that does not say so, which `Date.parse` would take for local time.
function parseDate(text: string): number {
  if (!/^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(text)) return NaN;
  return Date.parse(/(?:[a-z]|[+-]\d{4})$/i.test(text) ? text : `${text} GMT`);
}

/** The server's own clock where its `Date` is visible (CORS hides it), else ours. */
export function serverNow(date: string | null | undefined, now: number): number {
  const parsed = date == null ? NaN : parseDate(date);
  return Number.isNaN(parsed) ? now : parsed;
}

/** Headers of a response, or of an error that was made from one. */
export interface ReadableHeaders {
  get(name: string): unknown;
}

export function headerText(headers: ReadableHeaders | undefined, name: string): string | undefined {
  const value = headers?.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** What may carry a server's wish to be left alone: `Retry-After`, or `retryAfterMs` in the body where CORS hides headers. */
export function readRetryAfter(
  headers: ReadableHeaders | undefined,
  body: unknown,
  now: number,
): number | undefined {
  return (
    parseRetryAfter(headerText(headers, 'retry-after'), headerText(headers, 'date'), now) ??
    retryAfterOfBody(body)
  );
}

function retryAfterOfBody(body: unknown): number | undefined {
  if (typeof body !== 'object' || body === null || !('retryAfterMs' in body)) return undefined;
  return typeof body.retryAfterMs === 'number' ? clampWait(body.retryAfterMs) : undefined;
}
