import { backoffMs, type RetryOptions } from '../domain/backoff.js';
import {
  CLOSED,
  fromStored,
  requestFailed,
  requestsAllowed,
  requestStarted,
  requestSucceeded,
  requestWithdrawn,
  toStored,
  type Breaker,
  type BreakerOptions,
  type StoredBreaker,
} from '../domain/breaker.js';
import type { SyncError } from '../domain/errors.js';
import type { Gate } from '../domain/lanes.js';
import type { RequestOutcome } from '../domain/requestOutcome.js';
import { clampWait } from '../domain/retryAfter.js';
import type { BreakerStatus } from '../domain/status.js';
import { isObject } from '../domain/wire.js';
import type { Failures } from './pendingMutation.js';
import type { Clock, Random } from './ports.js';

/**
 * What may go which way, and when: what the server asked for, backoff, and the breaker, for each route (RT2, RT4, RT5).
 * A route is the transport, pulls included, or the definition whose own function sends.
 */
export interface Gates {
  /** This tab drains from now on: it goes on with the breakers that the one before has kept. */
  begin(): void;
  gate(route: string): Gate;
  /** A request is about to go that way, now. False: it must not; since it was chosen the server has said so. */
  enter(route: string): boolean;
  /**
   * Monotonic milliseconds before which nothing is to be asked for, whoever wants to know; Infinity while a probe finds
   * out. What is to be sent goes first: a server that fails at reads only must not be read over and over instead.
   */
  askAt(route: string): number;
  /** What a request said of the server. */
  heard(route: string, health: Health): void;
  /** What came of mutations that were sent. */
  report(route: string, outcome: RequestOutcome): void;
  /** Nobody will know what came of a request that entered. */
  withdrawn(route: string): void;
  /** The network may be back: backoffs end, what the server asked for stays. */
  networkChanged(): void;
  /**
   * The network is there again. Clients that lost one server must not all come back at once (RT5); what failed before may
   * have been the network's fault, so all breakers begin anew (RT4).
   */
  reconnected(): void;
  /** How long the next attempt of something that failed has to wait. */
  failAgain(former: Failures | undefined, error: SyncError, retryAfterMs?: number): Failures;
  /** Of the route that is open for longest. */
  readonly breaker: BreakerStatus;
}

/** What a request says of the server's health and wishes. */
export interface Health {
  /** It does what it should. */
  readonly answered: boolean;
  /** It counts against it (RT4). */
  readonly failed: boolean;
  /** Milliseconds for which its rate limit leaves nothing. */
  readonly restMs: number;
  /** Milliseconds for which it asked to be left alone. */
  readonly retryAfterMs: number;
}

export interface GatesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryOptions;
  readonly breaker: BreakerOptions;
  /** What was kept by an earlier session. */
  readonly stored: () => unknown;
  /** A breaker has opened or closed: `stored` is to be kept. */
  readonly tripped: (route: string, breaker: Breaker, stored: unknown) => void;
}

interface Route {
  breaker: Breaker;
  /** Since the last request that way decided nothing. */
  failures: Failures | undefined;
  /** Monotonic milliseconds: what the server asked for, by `Retry-After` or its rate limit. */
  floorAt: number;
}

/** How long a pull gives way to what is to be sent when a breaker may be tried: long enough for a seal to be stored. */
const GIVE_WAY_MS = 1_000;

export function createGates(options: GatesOptions): Gates {
  const { clock, random, retry } = options;
  let routes: Map<string, Route> | undefined;
  let calmUntil = 0;
  let status: BreakerStatus = { state: 'closed' };
  let statusOf: unknown;

  /** Undefined until this tab drains: then it reads what the one before has kept, and from there on has its own. */
  function all(): Map<string, Route> {
    if (routes !== undefined) return routes;
    routes = new Map();
    for (const [route, breaker] of readStored())
      routes.set(route, { breaker, failures: undefined, floorAt: 0 });
    status = readStatus();
    return routes;
  }

  function readStored(): (readonly [string, Breaker])[] {
    const stored = options.stored();
    return Object.entries(isObject(stored) ? stored : {}).map(([route, value]) => [
      route,
      fromStored(value, clock.monotonic(), clock.now(), options.breaker),
    ]);
  }

  function at(route: string): Route {
    const found = all().get(route);
    if (found !== undefined) return found;
    const created: Route = { breaker: CLOSED, failures: undefined, floorAt: 0 };
    all().set(route, created);
    return created;
  }

  function setBreaker(name: string, next: Breaker): void {
    const route = at(name);
    const before = route.breaker;
    route.breaker = next;
    if (next.state === before.state) return;
    status = readStatus();
    options.tripped(name, next, storedBreakers());
  }

  function storedBreakers(): Record<string, StoredBreaker> {
    const entries = [...all()].flatMap(([name, { breaker }]) => {
      const stored = toStored(breaker, clock.monotonic(), clock.now());
      return stored === undefined ? [] : [[name, stored] as const];
    });
    return Object.fromEntries(entries);
  }

  function readStatus(): BreakerStatus {
    let worst: BreakerStatus = { state: 'closed' };
    const own = routes && [...routes.values()].map(({ breaker }) => breaker);
    for (const breaker of own ?? readStored().map(([, breaker]) => breaker)) {
      if (breaker.state === 'half-open' && worst.state === 'closed') worst = { state: 'half-open' };
      if (breaker.state !== 'open') continue;
      const until = clock.now() + Math.max(breaker.until - clock.monotonic(), 0);
      if (worst.state !== 'open' || until > worst.until) worst = { state: 'open', until };
    }
    return worst;
  }

  function heard(name: string, { answered, failed, restMs, retryAfterMs }: Health): void {
    const route = at(name);
    const now = clock.monotonic();
    route.floorAt = Math.max(route.floorAt, now + Math.max(bounded(restMs), bounded(retryAfterMs)));
    if (failed) setBreaker(name, requestFailed(route.breaker, now, options.breaker, random));
    else if (answered) setBreaker(name, requestSucceeded(route.breaker));
    else setBreaker(name, requestWithdrawn(route.breaker, now));
  }

  const floorOf = ({ floorAt, breaker }: Route): number =>
    Math.max(floorAt, breaker.state === 'open' ? breaker.until : 0);

  function failAgain(former: Failures | undefined, error: SyncError, retryAfterMs = 0): Failures {
    const count = (former?.count ?? 0) + 1;
    // Whatever has failed since (the storage, say): the server's last word still holds.
    const floorAt = Math.max(former?.floorAt ?? 0, clock.monotonic() + bounded(retryAfterMs));
    const { unanswered = 0 } = former ?? {};
    return { count, unanswered, error, floorAt, dueAt: floorAt + backoffMs(count, retry, random) };
  }

  return {
    begin: () => void all(),
    gate(name) {
      const route = at(name);
      return {
        at: Math.max(route.failures?.dueAt ?? 0, floorOf(route)),
        calmUntil,
        room: requestsAllowed(route.breaker, clock.monotonic()),
      };
    },
    askAt(name) {
      const { breaker, floorAt } = at(name);
      switch (breaker.state) {
        case 'closed':
          return floorAt;
        case 'open':
          return Math.max(floorAt, breaker.until + GIVE_WAY_MS);
        case 'half-open':
          return Infinity;
      }
    },
    enter(name) {
      const route = at(name);
      const now = clock.monotonic();
      if (floorOf(route) > now || requestsAllowed(route.breaker, now) === 0) return false;
      setBreaker(name, requestStarted(route.breaker, now));
      return true;
    },
    heard,
    report(name, { answered, failed, restMs, stop }) {
      const route = at(name);
      route.failures = stop && failAgain(route.failures, stop.error, stop.retryAfterMs);
      heard(name, { answered, failed, restMs, retryAfterMs: stop?.retryAfterMs ?? 0 });
    },
    withdrawn: (name) => setBreaker(name, requestWithdrawn(at(name).breaker, clock.monotonic())),
    networkChanged() {
      for (const route of routes?.values() ?? [])
        if (route.failures !== undefined)
          route.failures = { ...route.failures, dueAt: route.failures.floorAt };
    },
    reconnected() {
      calmUntil = clock.monotonic() + random() * retry.spreadMs;
      for (const name of routes?.keys() ?? []) setBreaker(name, CLOSED);
    },
    failAgain,
    get breaker() {
      // Another tab drains, or nobody yet: then it is as stored, and read again whenever that was learnt anew.
      const stored = options.stored();
      if (routes === undefined && stored !== statusOf) {
        statusOf = stored;
        status = readStatus();
      }
      return status;
    },
  };
}

/** A transport that an app has written may say anything: what is no number asks for nothing. */
const bounded = (ms: number): number => clampWait(ms) ?? 0;
