import { isObject } from './wire.js';

export interface BreakerOptions {
  /** Failed requests within `windowMs` that open it. @default 10 */
  readonly failures: number;
  /** The rolling window in milliseconds. @default 60_000 */
  readonly windowMs: number;
  /** How long it stays open before a probe, in milliseconds; up to a fifth is added at random. @default 30_000 */
  readonly openMs: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = { failures: 10, windowMs: 60_000, openMs: 30_000 };

/** Clients whose breakers opened together must not probe together. */
const JITTER = 0.2;

/**
 * Whether a server that keeps failing is left alone (RT4). All times are monotonic milliseconds.
 *
 * |                  | may go | a request starts | succeeds | fails                      | ends without a word |
 * | ---------------- | ------ | ---------------- | -------- | -------------------------- | ------------------- |
 * | closed           | any    |                  |          | counts; the last one opens |                     |
 * | open             | none   |                  | closed   |                            |                     |
 * | open, `until` is | one    | half-open        | closed   |                            |                     |
 * | half-open        | none   |                  | closed   | open, for `openMs` again   | open, due at once   |
 *
 * An empty field changes nothing: successes in between do not empty the window, for a server that fails every second
 * request is ill, too; and a late failure of a request begun before does not keep the breaker open for longer.
 * Source: M. Nygard, "Release It!", 2007, chapter 5.
 */
export type Breaker =
  /** `failures`: when each failed within the window, fewer than open it. */
  | { readonly state: 'closed'; readonly failures: readonly number[] }
  | { readonly state: 'open'; readonly until: number }
  /** One probe is under way. */
  | { readonly state: 'half-open' };

export const CLOSED: Breaker = { state: 'closed', failures: [] };

/** How many requests may go now. */
export function requestsAllowed(breaker: Breaker, now: number): number {
  switch (breaker.state) {
    case 'closed':
      return Infinity;
    case 'open':
      return isDue(breaker, now) ? 1 : 0;
    case 'half-open':
      return 0;
  }
}

/** Only for a request that was allowed. */
export function requestStarted(breaker: Breaker, now: number): Breaker {
  return breaker.state === 'open' && isDue(breaker, now) ? { state: 'half-open' } : breaker;
}

/** The server decided something. What opened the breaker is forgotten; a closed one goes on counting. */
export function requestSucceeded(breaker: Breaker): Breaker {
  return breaker.state === 'closed' ? breaker : CLOSED;
}

/** @param random uniform in [0, 1) */
export function requestFailed(
  breaker: Breaker,
  now: number,
  options: BreakerOptions,
  random: () => number,
): Breaker {
  const open = (): Breaker => ({ state: 'open', until: now + options.openMs * (1 + JITTER * random()) });
  switch (breaker.state) {
    case 'closed': {
      const failures = [...breaker.failures.filter((at) => at > now - options.windowMs), now];
      return failures.length >= options.failures ? open() : { state: 'closed', failures };
    }
    case 'open':
      return breaker;
    case 'half-open':
      return open();
  }
}

/**
 * A request ended and neither failed nor succeeded: it was aborted with its leader's lease, or its answer says nothing
 * of the server's health (401, 429). If it was the probe, the next request is.
 */
export function requestWithdrawn(breaker: Breaker, now: number): Breaker {
  return breaker.state === 'half-open' ? { state: 'open', until: now } : breaker;
}

/** What of a breaker outlives a page. */
export interface StoredBreaker {
  /** Milliseconds since the epoch: monotonic clocks begin anew with each page. */
  readonly openUntil: number;
}

/** Undefined when there is nothing to keep. A probe under way dies with its page, so it is due again. */
export function toStored(
  breaker: Breaker,
  nowMonotonic: number,
  nowEpoch: number,
): StoredBreaker | undefined {
  switch (breaker.state) {
    case 'closed':
      return undefined;
    case 'open':
      return { openUntil: nowEpoch + Math.max(breaker.until - nowMonotonic, 0) };
    case 'half-open':
      return { openUntil: nowEpoch };
  }
}

/**
 * What is damaged reads as closed: a breaker spares the server, it keeps nothing safe. The clock may have jumped since:
 * never open for longer than it could have been opened for, and at least one probe before all.
 */
export function fromStored(
  value: unknown,
  nowMonotonic: number,
  nowEpoch: number,
  { openMs }: BreakerOptions,
): Breaker {
  const openUntil = isObject(value) ? value['openUntil'] : undefined;
  if (typeof openUntil !== 'number' || !Number.isFinite(openUntil)) return CLOSED;
  const left = Math.min(Math.max(openUntil - nowEpoch, 0), openMs * (1 + JITTER));
  return { state: 'open', until: nowMonotonic + left };
}

const isDue = (breaker: Extract<Breaker, { state: 'open' }>, now: number): boolean => now >= breaker.until;
