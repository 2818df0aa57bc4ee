/** What a page took. */
export interface PageTook {
  /** Rows that were asked for. */
  readonly limit: number;
  /** Rows that came. */
  readonly rows: number;
  /** Milliseconds until it was there. */
  readonly requestMs: number;
  /** Milliseconds from then until it was stored and shown. */
  readonly storeMs: number;
}

export const FIRST_PAGE = 250;
const LEAST_PAGE = 50;
const STEP = 125;
/** Twice a second, somebody who waits sees that something moves. */
const REQUEST_MS = 500;
/** The disk of a busy device takes its time; a processor that does would keep the user from typing. */
const STORE_MS = 400;

/**
 * How many rows to ask for next: more by a step after a full page that was quick, half after one that was slow (NQ3: additive
 * increase, multiplicative decrease). One that did not come has no rows: where that took long it was too large. `most` is what the transport and the server allow.
 */
export function nextPageSize({ limit, rows, requestMs, storeMs }: PageTook, most: number): number {
  if (requestMs > 4 * REQUEST_MS || storeMs > STORE_MS) return clamp(limit / 2, most);
  if (rows < limit || requestMs > REQUEST_MS || storeMs > STORE_MS / 2) return clamp(limit, most);
  return clamp(limit + STEP, most);
}

const clamp = (rows: number, most: number): number => Math.min(Math.max(Math.floor(rows), LEAST_PAGE), most);
