/** How far the server's clock is ahead of this device's, as measured. */
export interface ServerClock {
  readonly offsetMs: number;
  /** The true offset is at most this far away. */
  readonly uncertaintyMs: number;
}

/** A moment by the server's clock. */
export interface ServerTime {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly uncertaintyMs: number;
}

export interface ClockSample {
  /** What the answer says, in milliseconds since the epoch. */
  readonly serverTime: number;
  /** What it was rounded down to: 1,000 for an HTTP `Date`. @default 1 */
  readonly resolutionMs?: number;
  /** By this device's clock, in milliseconds since the epoch. */
  readonly receivedAt: number;
  /** By a clock that never jumps. */
  readonly roundTripMs: number;
}

/**
 * One measurement; undefined when the numbers make none. The server looked at its clock at some time during the round
 * trip. Source: F. Cristian, "Probabilistic clock synchronization", 1989.
 */
export function measureClock({
  serverTime,
  resolutionMs = 1,
  receivedAt,
  roundTripMs,
}: ClockSample): ServerClock | undefined {
  const uncertaintyMs = (roundTripMs + resolutionMs) / 2;
  const offsetMs = serverTime + resolutionMs / 2 - (receivedAt - roundTripMs / 2);
  const isSane = Number.isFinite(offsetMs) && uncertaintyMs >= 0 && roundTripMs >= 0;
  return isSane ? { offsetMs, uncertaintyMs } : undefined;
}

/** The better of two: the more exact one, as long as the new one agrees; where it does not, a clock was set. */
export function refineClock(known: ServerClock | undefined, sample: ServerClock): ServerClock {
  if (known === undefined || sample.uncertaintyMs <= known.uncertaintyMs) return sample;
  const agree = Math.abs(sample.offsetMs - known.offsetMs) <= sample.uncertaintyMs + known.uncertaintyMs;
  return agree ? known : sample;
}

/** What the server's clock showed when this device's showed `at`; undefined when it was never measured. */
export function serverTimeOf(at: number, clock: ServerClock | undefined): ServerTime | undefined {
  return clock && { at: at + clock.offsetMs, uncertaintyMs: clock.uncertaintyMs };
}

/** Whether `mine` is certainly the later one; unknown or equal, as far as can be measured, is not (CF2). */
export function isLater(mine: ServerTime | undefined, theirs: number | undefined): boolean {
  if (mine === undefined || theirs === undefined) return false;
  return mine.at - theirs > mine.uncertaintyMs;
}
