import { SyncError } from '../domain/errors.js';
import { TRANSPORT } from '../domain/lanes.js';
import { isAborted } from './abortable.js';
import type { Gates, Health } from './gates.js';
import type { Clock, PullReply, PullRequest, Transport } from './ports.js';
import type { Reachability } from './reachability.js';

export interface PullExchangeOptions {
  /** Reads one page. */
  readonly read: NonNullable<Transport['pull']>;
  readonly clock: Clock;
  /** What the server asks for holds for pulls and pushes alike (RT2, RT4, RT5). */
  readonly gates: Gates;
  readonly reachability: Reachability;
  /** Milliseconds after which a page is no longer waited for (RT3). */
  readonly timeoutMs: number;
}

/** One request for a page. Resolves whatever the network does; undefined: the server is to be left alone. */
export type PullExchange = (
  request: Omit<PullRequest, 'signal'>,
  signal: AbortSignal,
) => Promise<PullReply | undefined>;

export function createPullExchange({
  read,
  clock,
  gates,
  reachability,
  timeoutMs,
}: PullExchangeOptions): PullExchange {
  async function ask(request: Omit<PullRequest, 'signal'>, signal: AbortSignal): Promise<PullReply> {
    const own = new AbortController();
    const timer = new AbortController();
    let abort = (): void => undefined;
    const aborted = new Promise<PullReply>((resolve) => {
      abort = () => {
        own.abort(signal.reason);
        const cause: unknown = signal.reason;
        const reply = { kind: 'failure', failure: 'network', cause } as const;
        resolve({ kind: 'failed', reply });
      };
    });
    signal.addEventListener('abort', abort);
    const timedOut = clock.sleep(timeoutMs, timer.signal).then((): PullReply => {
      const cause = new SyncError('TIMEOUT', `No page within ${timeoutMs} ms.`);
      if (!timer.signal.aborted) own.abort(cause);
      return { kind: 'failed', reply: { kind: 'failure', failure: 'timeout', cause } };
    });
    try {
      return await Promise.race([read({ ...request, signal: own.signal }), timedOut, aborted]);
    } catch (cause) {
      return { kind: 'failed', reply: { kind: 'failure', failure: 'unclassified', cause } };
    } finally {
      timer.abort();
      signal.removeEventListener('abort', abort);
    }
  }

  return async (request, signal) => {
    if (!gates.enter(TRANSPORT)) return undefined;
    const reply = await ask(request, signal);
    if (isAborted(signal)) {
      gates.withdrawn(TRANSPORT);
      return reply;
    }
    const health = healthOf(reply);
    if (health.answered) reachability.proven();
    gates.heard(TRANSPORT, health);
    return reply;
  };
}

/** What a pull says of the server: any answer of this protocol that is no outage shows that it is well. */
function healthOf(pulled: PullReply): Health {
  if (pulled.kind !== 'failed') return { answered: true, failed: false, restMs: 0, retryAfterMs: 0 };
  const { reply } = pulled;
  const { retryAfterMs = 0 } = reply;
  if (reply.kind === 'failure') return { answered: false, failed: true, restMs: 0, retryAfterMs };
  return { answered: false, failed: reply.status >= 500, restMs: reply.restMs ?? 0, retryAfterMs };
}

export function pullError({ reply }: Extract<PullReply, { kind: 'failed' }>): SyncError {
  if (reply.kind === 'failure')
    return reply.cause instanceof SyncError
      ? reply.cause
      : new SyncError('NETWORK', 'The pull failed.', { cause: reply.cause });
  return new SyncError(
    reply.status === 401 ? 'UNAUTHORIZED' : 'UNAVAILABLE',
    `The pull was answered with status ${reply.status}.`,
    { status: reply.status },
  );
}
