import { backoffMs, type RetryOptions } from '../domain/backoff.js';
import { SyncError } from '../domain/errors.js';
import { TRANSPORT } from '../domain/lanes.js';
import { isAborted } from './abortable.js';
import type { Gates, Health } from './gates.js';
import type { Ledger } from './ledger.js';
import type { Outbox } from './outbox.js';
import type { Clock, PullReply, Random, Transport } from './ports.js';
import { createWakeup } from './wakeup.js';

/** Reads the server's changes into the base, page by page, for ever. One runs per client, while it holds the lease. */
export interface Puller {
  run(signal: AbortSignal): Promise<void>;
  /** There may be news. */
  readonly wake: () => void;
  /** The breaker has opened or closed: matters to a pull that waits for that, and shortens no other wait. */
  gateMoved(): void;
  /** Resolves when everything the server has at the time of the call is in the base, or with what went wrong. */
  pull(): Promise<PullResult>;
}

export type PullResult =
  | { readonly kind: 'up-to-date'; readonly rows: number }
  | { readonly kind: 'failed'; readonly error: SyncError };

export interface PullerOptions {
  /** Reads one page. */
  readonly read: NonNullable<Transport['pull']>;
  readonly outbox: Outbox;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryOptions;
  /** What the server asks for holds for pulls and pushes alike (RT2, RT4, RT5). */
  readonly gates: Gates;
  /** Milliseconds between pulls when nothing else asks for one. */
  readonly pollMs: number;
  /** Milliseconds after which a page is no longer waited for (RT3). */
  readonly timeoutMs: number;
  readonly paused: () => boolean;
  readonly pulled: (result: PullResult) => void;
}

export function createPuller(options: PullerOptions): Puller {
  const { outbox, ledger, clock, gates } = options;
  const wakeup = createWakeup(clock);
  let waiters: ((result: PullResult) => void)[] = [];
  let failures = 0;
  let isShutOut = false;
  let lastError: SyncError | undefined;

  const hasWaiters = (): boolean => waiters.length > 0;

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (options.paused()) {
        await wakeup.wait(Infinity, signal);
        continue;
      }
      // Who asks for it now need not wait for the others of a reconnect (RT5); what the server wants holds for all.
      const openAt = Math.max(gates.askAt(TRANSPORT), hasWaiters() ? 0 : gates.gate(TRANSPORT).calmUntil);
      if (openAt > clock.monotonic()) {
        for (const resolve of waiters.splice(0)) resolve(leftAlone());
        isShutOut = true;
        await wakeup.wait(openAt, signal);
        isShutOut = false;
        continue;
      }
      const asked = waiters;
      waiters = [];
      const result = await pullAll(signal).catch(notStored);
      failures = result.kind === 'failed' ? failures + 1 : 0;
      lastError = result.kind === 'failed' ? result.error : undefined;
      for (const resolve of asked) resolve(result);
      if (isAborted(signal)) break;
      options.pulled(result);
      if (hasWaiters()) continue;
      const delay =
        result.kind === 'failed' ? backoffMs(failures, options.retry, options.random) : options.pollMs;
      await wakeup.wait(clock.monotonic() + delay, signal);
    }
    for (const resolve of waiters.splice(0))
      resolve({ kind: 'failed', error: new SyncError('DISPOSED', 'The client stopped pulling.') });
  }

  /** What the server wants holds for those who wait, too. */
  function leftAlone(): PullResult {
    const error =
      lastError ??
      new SyncError('UNAVAILABLE', 'The server is to be left alone for a while: see status.breaker.');
    return { kind: 'failed', error };
  }

  async function pullAll(signal: AbortSignal): Promise<PullResult> {
    let rows = 0;
    while (!signal.aborted) {
      if (!gates.enter(TRANSPORT)) return leftAlone();
      const from = ledger.cursor;
      const reply = await ask(from, signal);
      if (isAborted(signal)) gates.withdrawn(TRANSPORT);
      else gates.heard(TRANSPORT, healthOf(reply));
      switch (reply.kind) {
        case 'failed':
          return { kind: 'failed', error: judge(reply) };
        case 'resync':
          if (from === undefined)
            return {
              kind: 'failed',
              error: new SyncError(
                'UNEXPECTED_RESPONSE',
                'The server asks for a full read in answer to one.',
              ),
            };
          await outbox.forgetCursor();
          break;
        case 'page':
          if (reply.page.cursor === from && !reply.page.upToDate)
            return {
              kind: 'failed',
              error: new SyncError(
                'UNEXPECTED_RESPONSE',
                `The server says there is more after cursor "${from}" and does not move it.`,
              ),
            };
          await outbox.receive(reply.page, from);
          rows += reply.page.changes.length;
          if (reply.page.upToDate) return { kind: 'up-to-date', rows };
          break;
      }
    }
    return { kind: 'failed', error: new SyncError('DISPOSED', 'The client stopped pulling.') };
  }

  async function ask(cursor: string | undefined, signal: AbortSignal): Promise<PullReply> {
    const request = new AbortController();
    const timer = new AbortController();
    const abort = (): void => request.abort(signal.reason);
    signal.addEventListener('abort', abort);
    const timedOut = clock.sleep(options.timeoutMs, timer.signal).then((): PullReply => {
      const cause = new SyncError('TIMEOUT', `No page within ${options.timeoutMs} ms.`);
      request.abort(cause);
      return { kind: 'failed', reply: { kind: 'failure', failure: 'timeout', cause } };
    });
    try {
      return await Promise.race([options.read({ cursor, signal: request.signal }), timedOut]);
    } catch (cause) {
      return { kind: 'failed', reply: { kind: 'failure', failure: 'unclassified', cause } };
    } finally {
      timer.abort();
      signal.removeEventListener('abort', abort);
    }
  }

  return {
    run,
    wake: wakeup.wake,
    gateMoved() {
      if (isShutOut) wakeup.wake();
    },
    pull: () =>
      new Promise((resolve) => {
        waiters.push(resolve);
        wakeup.wake();
      }),
  };
}

/** Nothing of the page is stored, its cursor included, so the same page is asked for again. */
function notStored(cause: unknown): PullResult {
  const error = new SyncError('STORAGE', 'What the server has could not be stored.', { cause });
  return { kind: 'failed', error };
}

/** What a pull says of the server: any answer of this protocol that is no outage shows that it is well. */
function healthOf(pulled: PullReply): Health {
  if (pulled.kind !== 'failed') return { answered: true, failed: false, restMs: 0, retryAfterMs: 0 };
  const { reply } = pulled;
  const { retryAfterMs = 0 } = reply;
  if (reply.kind === 'failure') return { answered: false, failed: true, restMs: 0, retryAfterMs };
  return { answered: false, failed: reply.status >= 500, restMs: reply.restMs ?? 0, retryAfterMs };
}

function judge({ reply }: Extract<PullReply, { kind: 'failed' }>): SyncError {
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
