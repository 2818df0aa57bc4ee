import type { Token } from '../../src/domain/mutation.js';
import type { Reply } from '../../src/engine/ports.js';
import type { Report } from './report.js';

type Request = 'push' | 'pull' | 'call';
type Occupation = 'sleep' | 'storage' | 'listener' | Request;

/** What a process does and how often: invariants 9, 12 and 16. */
export interface Effort {
  /** Counts something begun; the returned function ends it, once. */
  begin(occupation: Occupation): () => void;
  request(kind: Request, tokens: readonly Token[]): () => void;
  /** The process heard an answer, which may say for how long it must not ask again. */
  answered(kind: Request, token: Token, reply: Reply | undefined): void;
  /** Something that may justify another request: a write, a poke, an opinion of the platform. */
  stimulus(): void;
  count(...occupations: readonly Occupation[]): number;
}

const MINUTE = 60_000;
/** Backoff from half a second to eight, two loops, and calls in parallel: fewer than this, whatever fails. */
const PER_MINUTE = 90;
const PER_STIMULUS = 6;

export function createEffort(name: string, now: () => number, report: Report): Effort {
  const counts = new Map<Occupation, number>();
  const requests: number[] = [];
  const stimuli: number[] = [];
  const floors = new Map<string, number>();
  const begin = (occupation: Occupation): (() => void) => {
    counts.set(occupation, (counts.get(occupation) ?? 0) + 1);
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
  const raise = (what: string, ms: number): void => {
    floors.set(what, Math.max(floors.get(what) ?? 0, now() + ms));
  };
  return {
    begin,
    request(kind, tokens) {
      for (const what of [kind, ...tokens]) {
        const floor = floors.get(what) ?? 0;
        if (now() < floor)
          report.fail(
            16,
            `${name} sends a ${kind} of ${tokens.join(' ')} ${Math.ceil(floor - now())} ms before the server wants ${what} again`,
          );
      }
      requests.push(now());
      const allowed = PER_MINUTE + PER_STIMULUS * recent(stimuli);
      if (recent(requests) > allowed)
        report.fail(12, `${name} made ${requests.length} requests in a minute, ${allowed} would do`);
      return begin(kind);
    },
    answered(kind, token, reply) {
      if (reply?.kind !== 'answer' || reply.retryAfterMs === undefined) return;
      const wholeOrigin = reply.status === 503 || reply.status === 429;
      if (token !== '') raise(token, reply.retryAfterMs);
      if (wholeOrigin && kind !== 'call') raise(kind, reply.retryAfterMs);
    },
    stimulus() {
      stimuli.push(now());
    },
    count: (...occupations) => occupations.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0),
  };
}
