import type { Caller } from './caller.js';
import type { ServerLimits } from './limits.js';
import { problem } from './problem.js';
import type { Problem } from './protocol.js';

/** `work`: needs the database now. `wait`: a stream, a socket or a long poll, which mostly waits. */
export type RequestKind = 'work' | 'wait';

/** Let in, or the problem to answer with. `leave` may be called more than once. */
export type Admitted =
  { readonly ok: true; readonly leave: () => void } | { readonly ok: false; readonly problem: Problem };

/** Bounds how much is under way at once. */
export interface Admission {
  enter(kind: RequestKind, caller: Caller): Admitted;
}

/** Options of {@link createAdmission}. */
export interface AdmissionOptions {
  readonly limits: ServerLimits;
  /** Whether callers are told apart; else there is no bound per subject. */
  readonly perSubject: boolean;
}

/**
 * Counts who is inside. Nobody queues here: those who are let in queue for a connection, all others are told when to
 * come back, spread over a second so that they do not come back together.
 */
export function createAdmission({ limits, perSubject }: AdmissionOptions): Admission {
  const inside: Record<RequestKind, number> = { work: 0, wait: 0 };
  const most: Readonly<Record<RequestKind, number>> = { work: limits.maxRequests, wait: limits.maxWaiting };
  const bySubject = new Map<string, number>();
  const later = (): { retryAfterMs: number } => ({ retryAfterMs: 1000 + Math.floor(Math.random() * 1000) });

  return {
    enter(kind, { tenant, subject }) {
      const name = JSON.stringify([kind, tenant, subject]);
      const own = bySubject.get(name) ?? 0;
      if (perSubject && own >= limits.maxPerSubject)
        return { ok: false, problem: problem('too-many-requests', undefined, later()) };
      if (inside[kind] >= most[kind])
        return { ok: false, problem: problem('overloaded', undefined, later()) };
      inside[kind]++;
      if (perSubject) bySubject.set(name, own + 1);
      let left = false;
      return {
        ok: true,
        leave() {
          if (left) return;
          left = true;
          inside[kind]--;
          const rest = (bySubject.get(name) ?? 0) - 1;
          if (rest > 0) bySubject.set(name, rest);
          else bySubject.delete(name);
        },
      };
    },
  };
}
