import { SyncError } from '../domain/errors.js';
import { TRANSPORT } from '../domain/lanes.js';
import { isAborted } from './abortable.js';
import type { Gates, Health } from './gates.js';
import type { Clock, PullReply, PullRequest, Reply, Transport } from './ports.js';
import type { Reachability } from './reachability.js';
import { withinTime } from './withinTime.js';

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
    try {
      return await read({ ...request, signal });
    } catch (cause) {
      return failed('unclassified', cause);
    }
  }

  return async (request, signal) => {
    if (!gates.enter(TRANSPORT)) return undefined;
    const reply = await withinTime(
      (own) => ask(request, own),
      (error) => failed('timeout', error),
      { ms: timeoutMs, clock, signal },
    );
    if (isAborted(signal)) {
      gates.withdrawn(TRANSPORT);
      return failed('network', signal.reason);
    }
    const health = healthOf(reply);
    if (health.answered) reachability.proven();
    gates.heard(TRANSPORT, health);
    return reply;
  };
}

function failed(failure: Extract<Reply, { kind: 'failure' }>['failure'], cause: unknown): PullReply {
  return { kind: 'failed', reply: { kind: 'failure', failure, cause } };
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
