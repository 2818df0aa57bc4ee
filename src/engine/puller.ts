import { backoffMs, type RetryOptions } from '../domain/backoff.js';
import { SyncError } from '../domain/errors.js';
import { TRANSPORT } from '../domain/lanes.js';
import type { Wanted } from '../domain/fullRead.js';
import type { PullOperation, PullProgress, PullResult } from '../domain/session.js';
import { isAborted } from './abortable.js';
import type { Gates } from './gates.js';
import type { Clock, Random } from './ports.js';
import { LEFT_ALONE, runPullSession, type PullSessionOptions } from './pullSession.js';
import { createPacing } from './pacing.js';
import { createWakeup } from './wakeup.js';

/** Reads the server's changes into the base, session by session, for ever. One runs per client, while it holds the lease. */
export interface Puller {
  run(signal: AbortSignal): Promise<void>;
  /** There may be news. */
  readonly wake: () => void;
  /** Whether news is told: then there is little to poll for (RL1). */
  readonly connected: (is: boolean) => void;
  /** The breaker has opened or closed: matters to a pull that waits for that, and shortens no other wait. */
  gateMoved(): void;
  /**
   * Resolves when everything the server has at the time of the call is in the base, or with what went wrong. Calls share
   * a session. One that was begun for calls only ends with the last of them that is cancelled.
   */
  pull(request?: PullCall): Promise<PullResult>;
  /** Of a session that goes on after its first page (OS1): what one page brings is there before anybody could show it. */
  readonly progress: PullProgress | undefined;
}

export interface PullCall {
  readonly operation?: PullOperation;
  /** What a full read is to read anew. @default all */
  readonly collections?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PullerOptions extends PullSessionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryOptions;
  readonly gates: Gates;
  /** Milliseconds between pulls when nothing else asks for one. */
  readonly pollMs: number;
  /** The most rows of a page. */
  readonly maxPage: number;
  readonly paused: () => boolean;
  /** A session begins. */
  readonly began: () => void;
  readonly progress: (progress: PullProgress) => void;
  readonly pulled: (result: PullResult) => void;
}

interface Waiter {
  /** What it wants read anew. */
  readonly wanted: Wanted | undefined;
  readonly resolve: (result: PullResult) => void;
}

export function createPuller(options: PullerOptions): Puller {
  const { clock, gates } = options;
  const wakeup = createWakeup(clock);
  const waiters = new Set<Waiter>();
  /** Those whom the session under way answers. */
  const asked = new Set<Waiter>();
  /** Ends the session under way, if it was begun for calls only. */
  let cancel: (() => void) | undefined;
  let failures = 0;
  let isConnected = false;
  let isShutOut = false;
  let isBusy = false;
  let lastError: SyncError | undefined;
  let progress: PullProgress | undefined;
  /** When what is here is compared with what the server has, in monotonic milliseconds. */
  let verifyAt = 0;
  const pacing = createPacing(clock, options.maxPage);

  const answer = (whom: Set<Waiter>, result: PullResult): void => {
    const all = [...whom];
    whom.clear();
    for (const { resolve } of all) resolve(result);
  };

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (options.paused()) {
        await wakeup.wait(Infinity, signal);
        continue;
      }
      // Who asks for it now need not wait for the others of a reconnect (RT5); what the server wants holds for all.
      const openAt = Math.max(gates.askAt(TRANSPORT), waiters.size > 0 ? 0 : gates.gate(TRANSPORT).calmUntil);
      if (openAt > clock.monotonic()) {
        answer(waiters, { kind: 'failed', error: lastError ?? new SyncError('UNAVAILABLE', LEFT_ALONE) });
        isShutOut = true;
        await wakeup.wait(openAt, signal);
        isShutOut = false;
        continue;
      }
      options.began();
      const result = await session(signal);
      failures = result.kind === 'failed' ? failures + 1 : 0;
      lastError = result.kind === 'failed' ? result.error : undefined;
      if (result.kind === 'up-to-date' && result.verified !== undefined)
        verifyAt = result.verified === 'different' ? Infinity : clock.monotonic() + VERIFY_MS;
      progress = undefined;
      if (!isAborted(signal)) options.pulled(result);
      answer(asked, result);
      if (isAborted(signal)) break;
      if (waiters.size > 0) continue;
      const delay = result.kind === 'failed' ? backoffMs(failures, options.retry, options.random) : pollMs();
      await wakeup.wait(clock.monotonic() + delay, signal);
    }
    answer(waiters, {
      kind: 'failed',
      error: new SyncError('DISPOSED', 'The client stopped pulling.'),
    });
  }

  const pollMs = (): number => options.pollMs * (isConnected ? 10 : 1);

  async function session(life: AbortSignal): Promise<PullResult> {
    const own = new AbortController();
    const abort = (): void => own.abort(life.reason);
    life.addEventListener('abort', abort);
    if (waiters.size > 0) cancel = () => own.abort();
    isBusy = true;
    try {
      const verify = clock.monotonic() >= verifyAt;
      return await runPullSession(options, { signal: own.signal, joined, pacing, verify, progress: moved });
    } catch (cause) {
      return notStored(cause);
    } finally {
      isBusy = false;
      cancel = undefined;
      life.removeEventListener('abort', abort);
    }
  }

  function moved(to: PullProgress): void {
    progress = to.phase === 'execute' ? to : undefined; // the last page is followed by `verify` at once
    options.progress(to);
  }

  function joined(): Wanted | undefined {
    const now = [...waiters];
    waiters.clear();
    for (const waiter of now) asked.add(waiter);
    const wanted = now.flatMap((waiter) => (waiter.wanted === undefined ? [] : [waiter.wanted]));
    if (wanted.length === 0) return undefined;
    return wanted.includes('all') ? 'all' : [...new Set(wanted.flat())];
  }

  return {
    run,
    wake: wakeup.wake,
    connected(is) {
      if (isConnected && !is) wakeup.wake(); // what happens from now on is told by nobody
      isConnected = is;
    },
    gateMoved() {
      if (isShutOut) wakeup.wake();
    },
    get progress() {
      return progress;
    },
    pull: ({ operation = 'delta', collections, signal } = {}) =>
      new Promise((resolve) => {
        const leave = (): void => {
          waiters.delete(waiter);
          asked.delete(waiter);
          resolve({ kind: 'cancelled' });
          if (waiters.size + asked.size === 0) cancel?.();
        };
        const waiter: Waiter = {
          wanted: operation === 'full' ? (collections ?? 'all') : undefined,
          resolve(result) {
            signal?.removeEventListener('abort', leave);
            resolve(result);
          },
        };
        if (signal?.aborted === true) {
          resolve({ kind: 'cancelled' });
          return;
        }
        signal?.addEventListener('abort', leave, { once: true });
        waiters.add(waiter);
        if (!isBusy) wakeup.wake(); // a session that ends looks for who still waits
      }),
  };
}

/** How often what is here is compared with what the server has. */
const VERIFY_MS = 3_600_000;

/** Nothing of the page is stored, its cursor included, so the same page is asked for again. */
function notStored(cause: unknown): PullResult {
  const error = new SyncError('STORAGE', 'What the server has could not be stored.', { cause });
  return { kind: 'failed', error };
}
