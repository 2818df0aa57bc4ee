import type { Clock, Connectivity } from './ports.js';

/** While the platform says it is offline, the network is tried all the same at this interval (NQ1). */
const PROBE_MS = 30_000;

/**
 * Whether the network is believed to be there. The platform's opinion is a hint: a real exchange proves it wrong, and
 * its "offline" only makes attempts rare and small, so that edits made meanwhile can still be taken back.
 */
export interface Reachability {
  readonly online: boolean;
  /** Monotonic milliseconds before which nothing is sent; 0 while online. */
  readonly nextTryAt: number;
  /** Something is being sent. */
  tried(): void;
  /** The server has answered. */
  proven(): void;
  /** It has not. */
  disproven(): void;
  /** The platform may have changed its opinion: then what was known before counts no more. */
  reconsider(): void;
}

export function createReachability(
  connectivity: Connectivity,
  clock: Clock,
  /** It is there again. */
  reconnected: () => void,
): Reachability {
  let opinion = connectivity.online;
  let isProven = false;
  let triedAt = clock.monotonic();
  let was = connectivity.online;
  const online = (): boolean => connectivity.online || isProven;
  const compare = (): void => {
    if (online() && !was) reconnected();
    was = online();
  };
  return {
    get online() {
      return online();
    },
    get nextTryAt() {
      return online() ? 0 : triedAt + PROBE_MS;
    },
    tried() {
      triedAt = clock.monotonic();
    },
    proven() {
      isProven = true;
      compare();
    },
    disproven() {
      isProven = false;
      compare();
    },
    reconsider() {
      if (connectivity.online === opinion) return;
      opinion = connectivity.online;
      isProven = false;
      triedAt = clock.monotonic();
      compare();
    },
  };
}
