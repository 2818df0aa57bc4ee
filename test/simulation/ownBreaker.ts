import type { Reply } from '../../src/engine/ports.js';
import type { Plan } from './plan.js';
import type { Report } from './report.js';

/**
 * The circuit breaker of one process, told from what it sent and heard (RT4): invariant 16. It counts only what is an
 * outage beyond doubt, so it never opens before the client's own.
 */
export interface OwnBreaker {
  started(kind: string, route: string): void;
  ended(kind: string, route: string, replies: readonly (Reply | undefined)[]): void;
  /** Nobody heard how a request ended. */
  abandoned(route: string): void;
  /** The client says that it opened its own, perhaps for what is not beyond doubt. */
  opened(route: string, ms: number): void;
  /** The client says that it closed its own. */
  closed(route: string): void;
  /** The platform says so, or says so again: what failed before may have been the network's fault. */
  platform(online: boolean): void;
  /** An earlier session left it open, for so many milliseconds from now. */
  restored(route: string, ms: number): void;
  /** What is stored as open now, and for how many milliseconds: the rest is closed, for one that has none of its own yet. */
  learnt(open: ReadonlyMap<string, number>): void;
}

interface Circuit {
  failures: number[];
  /** Nothing before this; then one request, until it has ended. */
  openUntil: number | undefined;
  probing: boolean;
}

const DEFAULTS = { failures: 10, openMs: 30_000 };
const WINDOW_MS = 60_000;

export function createOwnBreaker(name: string, now: () => number, report: Report, plan: Plan): OwnBreaker {
  const { failures: most, openMs } = plan.breaker ?? DEFAULTS;
  const circuits = new Map<string, Circuit>();
  /** It has sent, or closed its own at a reconnect: what others store no longer says anything of it. */
  let isOwn = false;
  let isOnline = true;
  const beginAnew = (): void => {
    for (const circuit of circuits.values()) circuit.failures = [];
  };
  const at = (route: string): Circuit => {
    const found = circuits.get(route) ?? { failures: [], openUntil: undefined, probing: false };
    circuits.set(route, found);
    return found;
  };
  return {
    started(kind, route) {
      isOwn = true;
      const circuit = at(route);
      if (circuit.openUntil === undefined) return;
      report.stake(16);
      // The wall clock counts less finely.
      // What fails in one moment is heard one by one.
      const isJustOpened = circuit.openUntil === now() + openMs;
      if (isJustOpened) return;
      if (now() < circuit.openUntil - 0.01)
        report.fail(
          16,
          `${name} sends a ${kind} ${circuit.openUntil - now()} ms before its breaker may close`,
        );
      if (circuit.probing) report.fail(16, `${name} sends a ${kind} while another request is to find out`);
      circuit.probing = true;
    },
    ended(kind, route, replies) {
      const circuit = at(route);
      const isProbe = circuit.probing;
      circuit.probing = false;
      const isPage = kind === 'pull' && replies[0] === undefined;
      if (!isOnline && (isPage || !replies.every(isUndecided))) beginAnew(); // the platform is wrong
      if (
        !replies.some((reply) => reply !== undefined && isOutage(reply, kind)) ||
        !replies.every(isUndecided)
      )
        return;
      if (isProbe) {
        circuit.openUntil = now() + openMs;
        return;
      }
      if (circuit.openUntil !== undefined) return;
      circuit.failures = [...circuit.failures.filter((time) => time > now() - WINDOW_MS), now()];
      if (circuit.failures.length >= most) circuit.openUntil = now() + openMs;
    },
    abandoned(route) {
      at(route).probing = false;
    },
    opened(route, ms) {
      const circuit = at(route);
      if (ms < openMs - 1) return; // a probe said nothing: the next request is one
      if (circuit.openUntil === undefined || circuit.probing) circuit.openUntil = now() + openMs;
    },
    closed(route) {
      isOwn = true;
      circuits.set(route, { failures: [], openUntil: undefined, probing: false });
    },
    platform(online) {
      isOnline = online;
      if (online) beginAnew();
    },
    learnt(open) {
      if (isOwn) return;
      for (const [route, circuit] of circuits) {
        const ms = open.get(route);
        if (ms === undefined) circuits.delete(route);
        else circuit.openUntil = Math.min(circuit.openUntil ?? Infinity, now() + ms);
      }
    },
    restored(route, ms) {
      circuits.set(route, { failures: [], openUntil: now() + ms, probing: false });
    },
  };
}

/** No answer at all, a 503, or, to a pull, any other 5xx. */
function isOutage(reply: Reply, kind: string): boolean {
  if (reply.kind === 'failure') return true;
  if (reply.kind !== 'answer') return false;
  const isWhole = kind === 'pull' || reply.wholeRequest === true;
  return reply.status === 503 || (isWhole && reply.status >= 500);
}

function isUndecided(reply: Reply | undefined): boolean {
  return reply?.kind !== 'answer' || reply.status >= 500 || [401, 408, 425, 429].includes(reply.status);
}
