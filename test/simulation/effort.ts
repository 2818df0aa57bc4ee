import type { Token } from '../../src/domain/mutation.js';
import type { Reply } from '../../src/engine/ports.js';
import { createOwnBreaker, type OwnBreaker } from './ownBreaker.js';
import type { Plan } from './plan.js';
import type { Report } from './report.js';

type Request = 'push' | 'pull' | 'call';
type Occupation = 'sleep' | 'storage' | 'listener' | Request;

/** What a process does and how often: invariants 9, 12 and 16. */
export interface Effort {
  /** Counts something begun; the returned function ends it, once. */
  begin(occupation: Occupation): () => void;
  /** A request that goes by `route`: the transport, or the name of a mutation with a function of its own. */
  request(kind: Request, route: string, tokens: readonly Token[]): () => void;
  /** The process heard what the server says of itself: it may say for how long it must not be asked again. */
  answered(
    kind: Request,
    route: string,
    replies: readonly (Reply | undefined)[],
    tokens?: readonly Token[],
  ): void;
  /** What the server asked for, of what went under these keys, is known no more. */
  forget(keys: Iterable<string>): void;
  /** A request ended in a way that says nothing of the server. */
  abandoned(route: string): void;
  readonly breaker: OwnBreaker;
  /** Something that may justify another request: a write, a poke, an opinion of the platform. */
  stimulus(): void;
  count(...occupations: readonly Occupation[]): number;
}

const MINUTE = 60_000;
/** Backoff from half a second to eight, two loops, and calls in parallel: fewer than this, whatever fails. */
const PER_MINUTE = 90;
const PER_STIMULUS = 6;
/** Nobody has so much to do without a millisecond passing: a loop that sleeps for nothing, or reads again and again. */
const PER_INSTANT = 400;

export function createEffort(
  name: string,
  now: () => number,
  report: Report,
  plan: Plan,
  mayLead: () => boolean,
): Effort {
  const counts = new Map<Occupation, number>();
  const requests: number[] = [];
  const stimuli: number[] = [];
  const floors = new Map<string, { readonly until: number; readonly heardAt: number }>();
  const breaker = createOwnBreaker(name, now, report, plan);
  let instant = -1;
  let begun = 0;
  const begin = (occupation: Occupation): (() => void) => {
    counts.set(occupation, (counts.get(occupation) ?? 0) + 1);
    begun = now() === instant ? begun + 1 : 1;
    instant = now();
    if (begun > PER_INSTANT)
      report.fail(12, `${name} begins ${begun} things in a moment, a ${occupation} again`);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      counts.set(occupation, (counts.get(occupation) ?? 0) - 1);
    };
  };
  const recent = (times: number[]): number => {
    while (times.length > 0 && times[0]! < now() - MINUTE) times.shift();
    return times.length;
  };
  const raise = (what: string, ms: number | undefined): void => {
    const until = Math.max(floors.get(what)?.until ?? 0, now() + (ms ?? 0));
    if (ms !== undefined) floors.set(what, { until, heardAt: now() });
  };
  return {
    begin,
    breaker,
    request(kind, route, tokens) {
      report.stake(12);
      if (plan.lease === 'one' && plan.tabs > 1) report.stake(16);
      for (const what of [`route ${route}`, ...tokens]) {
        const { until = 0, heardAt } = floors.get(what) ?? {};
        if (until > 0) report.stake(16);
        // After a freeze an answer and a pull's alarm come in one moment: the pull cannot know yet.
        if (now() < until && (kind !== 'pull' || heardAt !== now()))
          report.fail(
            16,
            `${name} sends a ${kind} of ${tokens.join(' ')} ${Math.ceil(until - now())} ms before the server wants ${what} again`,
          );
      }
      if (!mayLead()) report.fail(16, `${name} sends a ${kind} of ${tokens.join(' ')} and does not lead`);
      breaker.started(kind, route);
      requests.push(now());
      const allowed = PER_MINUTE + PER_STIMULUS * recent(stimuli);
      if (recent(requests) > allowed)
        report.fail(12, `${name} made ${requests.length} requests in a minute, ${allowed} would do`);
      return begin(kind);
    },
    answered(kind, route, replies, tokens = []) {
      breaker.ended(kind, route, replies);
      replies.forEach((reply, i) => {
        if (reply?.kind !== 'answer') return;
        const token = tokens[i];
        if (token !== undefined) raise(token, reply.retryAfterMs);
        raise(`route ${route}`, reply.restMs);
        if (reply.status === 503 || reply.status === 429) raise(`route ${route}`, reply.retryAfterMs);
      });
    },
    forget(keys) {
      for (const key of keys) floors.delete(key);
    },
    abandoned: (route) => breaker.abandoned(route),
    stimulus() {
      stimuli.push(now());
    },
    count: (...occupations) => occupations.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0),
  };
}
