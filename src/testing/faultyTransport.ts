import { idempotencyKey } from '../domain/mutation.js';
import type { PullReply, PullRequest, Random, Reply, SealedOp, Transport } from '../engine/ports.js';
import { checkFaults, drawFate, NO_FAULTS, type Faults } from './faults.js';
import { seededRandom } from './seededRandom.js';
import { createSendLog, type LoggedSend } from './sendLog.js';

export interface FaultyTransportOptions extends Partial<Faults> {
  /** What is reached when nothing goes wrong. */
  readonly transport: Transport;
  /** What latency is measured by: a simulated clock in tests, the system's in a demo. */
  readonly clock: { monotonic(): number; sleep(ms: number): Promise<void> };
  /** @default 1 */
  readonly seed?: number;
  /** Takes the place of `seed`. */
  readonly random?: Random;
}

/** A connection: once cut, it stays so. */
interface Line {
  cut: boolean;
  readonly waiting: Set<() => void>;
}

type Script = Reply | ((op: SealedOp) => Reply);

export interface FaultyTransport extends Transport {
  readonly faults: Faults;
  /** Changes some faults from now on; a request under way keeps the fate it has. */
  set(faults: Partial<Faults>): void;
  /** Cuts the line: what is under way fails at once, and so does all that follows. */
  disconnect(): void;
  reconnect(): void;
  /** The next push is answered so, op by op, without reaching the server. Several calls queue up. */
  replyNext(reply: Script): void;
  /** Every request, oldest first, the last 10 000. The same array until something changes. */
  readonly log: readonly LoggedSend[];
  /** Called whenever `log` or `faults` change. Returns the unsubscribe. */
  subscribe(listener: () => void): () => void;
}

/** One request on its way. */
interface Exchange<T> {
  readonly kind: LoggedSend['kind'];
  readonly ops: readonly SealedOp[];
  readonly signal: AbortSignal;
  readonly reachServer: () => Promise<T>;
  /** Answers in the server's place. */
  readonly script: (() => T) | undefined;
  /** What the client sees of an outcome that is no answer. */
  readonly failed: (failure: Extract<Reply, { kind: 'failure' }>) => T;
}

/**
 * A transport behind a bad network. Requests are delayed, lost on the way there or back, and delivered twice, as the
 * seed says. A client that stops waiting does not call back what it sent.
 *
 * ```
 * client ── up ──▶ loss? ──▶ server (twice?) ──▶ lossAfter? ── down ──▶ client
 * ```
 * @example
 * const faulty = createFaultyTransport({ transport: server, clock, seed: 7, latencyMs: [20, 400], lossAfter: 0.1 })
 * faulty.disconnect()
 */
export function createFaultyTransport(options: FaultyTransportOptions): FaultyTransport {
  const { transport, clock, seed = 1, random = seededRandom(seed), ...initial } = options;
  const pull = transport.pull?.bind(transport);
  const log = createSendLog(clock);
  const scripts: Script[] = [];
  let faults = checkFaults({ ...NO_FAULTS, ...initial });
  let line: Line = { cut: false, waiting: new Set() };

  async function carry<T>({ kind, ops, signal, reachServer, script, failed }: Exchange<T>): Promise<T> {
    const fate = drawFate(faults, random);
    const entry = log.begin(
      kind,
      ops.map(({ token }) => token),
      ops.map(idempotencyKey),
    );
    const fail = (outcome: 'offline' | 'lost' | 'answer lost'): T => {
      entry.end(outcome);
      return failed({
        kind: 'failure',
        failure: 'network',
        cause: new TypeError(`Simulated network: ${outcome}.`),
      });
    };
    if (faults.offline) return fail('offline');
    const used = line;
    const isCut = (): boolean => used.cut;
    /** What a cut of the line means now. */
    let ifCut: 'lost' | 'answer lost' = 'lost';

    async function travel(): Promise<() => T> {
      await clock.sleep(fate.up);
      if (isCut() || (fate.lost && script === undefined)) return () => fail('lost');
      ifCut = 'answer lost';
      const answer = script === undefined ? await reachServer() : script();
      if (script === undefined && fate.duplicateAfter !== undefined) {
        entry.duplicated();
        void deliverAgain(fate.duplicateAfter, reachServer);
      }
      await clock.sleep(fate.down);
      if (isCut() || (fate.answerLost && script === undefined)) return () => fail('answer lost');
      return () => {
        entry.end(script === undefined ? 'answered' : 'scripted');
        return answer;
      };
    }

    const over = new AbortController();
    const journey = travel();
    try {
      const arrive = await Promise.race([
        journey,
        whenCut(used, over.signal).then(() => () => fail(ifCut)),
        aborted(signal, over.signal).then(() => () => {
          entry.end('abandoned');
          return failed({ kind: 'failure', failure: 'timeout', cause: signal.reason });
        }),
      ]);
      return arrive();
    } finally {
      over.abort();
      journey.catch(() => undefined); // it may go on without us
    }
  }

  async function deliverAgain(after: number, reachServer: () => Promise<unknown>): Promise<void> {
    await clock.sleep(after);
    await reachServer().catch(() => undefined); // nobody waits for this answer
  }

  function set(change: Partial<Faults>): void {
    faults = checkFaults({ ...faults, ...change });
    log.changed();
  }

  return {
    ordered: transport.ordered,
    limits: transport.limits,
    encode: (op) => transport.encode(op),
    push(sealed, { signal }) {
      const script = faults.offline ? undefined : scripts.shift();
      return carry<readonly Reply[]>({
        kind: 'push',
        ops: sealed,
        signal,
        reachServer: () => transport.push(sealed, { signal: NEVER }),
        script: script && (() => sealed.map((op) => (typeof script === 'function' ? script(op) : script))),
        failed: (failure) => sealed.map(() => failure),
      });
    },
    ...(pull !== undefined && {
      ...(transport.snapshots !== undefined && { snapshots: transport.snapshots }),
      pull({ signal, ...target }: PullRequest) {
        return carry<PullReply>({
          kind: 'pull',
          ops: [],
          signal,
          reachServer: () => pull({ ...target, signal: NEVER }),
          script: undefined,
          failed: (reply) => ({ kind: 'failed', reply }),
        });
      },
    }),
    get faults() {
      return faults;
    },
    set,
    disconnect() {
      line.cut = true;
      for (const tell of line.waiting) tell();
      set({ offline: true });
    },
    reconnect() {
      line = { cut: false, waiting: new Set() };
      set({ offline: false });
    },
    replyNext(reply) {
      scripts.push(reply);
    },
    get log() {
      return log.entries;
    },
    subscribe: (listener) => log.subscribe(listener),
  };
}

/** What is under way cannot be called back, so the server's side of a request is never aborted. */
const NEVER: AbortSignal = new AbortController().signal;

function whenCut(line: Line, cleanup: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    line.waiting.add(resolve);
    cleanup.addEventListener('abort', () => line.waiting.delete(resolve), { once: true });
  });
}

function aborted(signal: AbortSignal, cleanup: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: cleanup });
  });
}
