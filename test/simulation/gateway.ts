import { encodeOp } from '../../src/domain/wire.js';
import { idempotencyKey } from '../../src/domain/mutation.js';
import { SyncError } from '../../src/domain/errors.js';
import type { ChangeSource, Random, Reply, SealedOp, Transport } from '../../src/engine/ports.js';
import {
  createScriptedServer,
  type Refusal,
  type ScriptedServer,
  type WireOp,
} from '../../src/testing/scriptedServer.js';
import type { SimulatedClock } from '../../src/testing/simulatedClock.js';
import { COMMANDS } from './model.js';
import type { BadAnswer, Plan, Step } from './plan.js';
import type { Truth } from './truth.js';

export const TIMEOUT_MS = 5_000;

/** The server and what stands before it: windows of bad answers, and answers nobody waits for. */
export interface Gateway {
  /** The server's clock, which does not jump with those of the devices. */
  readonly now: () => number;
  readonly server: ScriptedServer;
  /** What clients reach when the network lets them. */
  readonly transport: Transport;
  /** Says when there is news, while the server is up. */
  readonly changes: ChangeSource;
  expire(collected: boolean): void;
  /** Rows may come that do not say by which op they came: with a snapshot, or in a feed that has begun anew. */
  readonly isSilent: boolean;
  /** Down for so long. The lines are for others to cut. */
  restart(ms: number): void;
  open(window: Extract<Step, { kind: 'window' }>): void;
  heal(): void;
  /** Another device's op, accepted or not. */
  elsewhere(op: Omit<Parameters<typeof encodeOp>[0], 'token' | 'rev' | 'after'>): void;
}

export function createGateway(
  clock: SimulatedClock,
  plan: Plan,
  random: Random,
  truths: readonly Truth[],
): Gateway {
  const now = (): number => 1_767_225_600_000 + clock.monotonic();
  const server = createScriptedServer({
    commands: COMMANDS,
    now,
    pageSize: 3,
    // Half of all histories, by their seed: the other half reads the feed from its beginning.
    snapshots: plan.seed % 2 === 1,
    limits: { maxBatch: 6, maxBytes: 4_096 },
    assignId: (collection) => (collection === 'projects' ? `s${ids++}` : undefined),
  });
  let windows: { readonly until: number; readonly step: Extract<Step, { kind: 'window' }> }[] = [];
  const listeners = new Set<() => void>();
  let upAt = 0;
  let hasBegunAnew = false;
  let healed = false;
  let others = 0;
  let ids = 0;
  let seen = 0;

  const isUp = (): boolean => clock.monotonic() >= upAt;
  const isOpen = (bad: BadAnswer): Extract<Step, { kind: 'window' }> | undefined =>
    windows.find((w) => w.step.bad === bad && w.until > clock.monotonic())?.step;

  server.refuse((op) => poisonOf(op) ?? (op.op.startsWith('else:') ? undefined : hiccup()));

  function hiccup(): Refusal | undefined {
    const window = isOpen('hiccup');
    if (window === undefined || random() < 0.5) return undefined;
    const { retryAfterMs } = window;
    const wait = retryAfterMs > 0 ? { retryAfterMs } : {};
    const all: Refusal[] = [
      { status: 500 },
      { status: 408 },
      { status: 429, ...wait },
      { status: 409, type: 'urn:holdfast:problem:in-progress', ...wait },
    ];
    return all[Math.floor(random() * all.length)];
  }

  async function push(ops: readonly SealedOp[]): Promise<readonly Reply[]> {
    const replies = await server.push(ops, { signal: NEVER });
    // In the order in which the server came to them.
    ops.forEach((op, i) => {
      const reply = replies[i];
      const owner = truths.find((truth) => truth.owns(op.token));
      if (reply?.kind === 'answer' && owner !== undefined)
        for (const { from, to } of reply.ids ?? []) owner.named(from, to, idempotencyKey(op));
      for (; server.journal[seen]?.token === op.token; seen++)
        for (const truth of truths) truth.applied(server.journal[seen]!);
      if (reply?.kind === 'answer' && isRefusal(reply)) owner?.refused(idempotencyKey(op), hasMet(reply));
    });
    return replies;
  }

  /** The answer instead of the server's, if something stands in between. */
  function instead():
    { readonly reply: Exclude<Reply, { kind: 'omitted' }>; readonly applies: boolean } | undefined {
    const busy = isOpen('busy');
    const auth = isOpen('auth');
    const portal = isOpen('portal');
    if (portal !== undefined)
      return {
        reply: { kind: 'failure', failure: 'unexpected', cause: new Error('<!doctype html>') },
        applies: portal.applies,
      };
    if (auth !== undefined) return { reply: { kind: 'answer', status: 401, rows: [] }, applies: false };
    const down = isOpen('down');
    if (down !== undefined)
      return {
        reply: { kind: 'answer', status: 502, rows: [], wholeRequest: true },
        applies: down.applies,
      };
    if (busy === undefined) return undefined;
    const { retryAfterMs, applies } = busy;
    return {
      reply: { kind: 'answer', status: 503, rows: [], ...(retryAfterMs > 0 && { retryAfterMs }) },
      applies,
    };
  }

  /** What the rate limit leaves is told with a good answer, too. */
  function limited(reply: Reply): Reply {
    const restMs = isOpen('limit')?.retryAfterMs ?? 0;
    return reply.kind === 'answer' && restMs > 0 ? { ...reply, restMs } : reply;
  }

  /** Late, or never. */
  const tooLong = (): Promise<void> =>
    random() < 0.5 ? new Promise(() => undefined) : clock.sleep(TIMEOUT_MS * 1.5);
  const stalls = (): boolean => !healed && random() < plan.network.stall;

  return {
    now,
    server,
    transport: {
      ordered: server.ordered,
      limits: server.limits,
      snapshots: server.snapshots === true,
      encode: (op) => server.encode(op),
      async push(ops) {
        const bad = instead();
        const stalled = stalls();
        const replies = bad !== undefined && !bad.applies ? [] : await push(ops);
        if (stalled) await tooLong();
        return bad === undefined ? replies.map(limited) : ops.map(() => bad.reply);
      },
      async pull(request) {
        const bad = instead();
        const stalled = stalls();
        const page = await server.pull(request);
        if (stalled) await tooLong();
        return bad === undefined ? page : { kind: 'failed', reply: bad.reply };
      },
    },
    changes: {
      listen(poke, signal) {
        server.changes.listen(() => {
          if (isUp()) poke();
        }, signal);
        listeners.add(poke);
        signal.addEventListener('abort', () => listeners.delete(poke), { once: true });
      },
    },
    get isSilent() {
      return server.snapshots === true || hasBegunAnew;
    },
    expire(collected) {
      // A feed that is read from its beginning cannot have one that is forgotten.
      if (collected && server.snapshots === true) server.collectChanges();
      else {
        server.expireCursors();
        hasBegunAnew = true;
      }
    },
    restart(ms) {
      upAt = Math.max(upAt, clock.monotonic() + ms);
      void clock.sleep(ms).then(() => {
        if (isUp()) for (const poke of listeners) poke(); // connected again
      });
    },
    open(step) {
      windows = [...windows, { until: clock.monotonic() + step.ms, step }];
    },
    heal() {
      healed = true;
      upAt = 0;
      windows = [];
    },
    elsewhere(op) {
      const token = `else:${others++}`;
      const body = encodeOp({ ...op, token, rev: 0, after: [] });
      void push([{ token, rev: 0, body }]);
    },
  };
}

const NEVER = new AbortController().signal;

const POISON = /poison-(\d+)/;

/** Refused for what it says, so at every attempt alike. */
function poisonOf(op: WireOp): Refusal | undefined {
  const found = POISON.exec(JSON.stringify(op))?.[1];
  return found === undefined ? undefined : Number(found);
}

function isRefusal({ status, problem }: Extract<Reply, { kind: 'answer' }>): boolean {
  if (status < 400 || status >= 500 || [401, 408, 425, 429].includes(status)) return false;
  return !(status === 409 && problem?.type?.endsWith('in-progress') === true);
}

/** Refused because of what another has written, and not for what it says. */
function hasMet({ problem }: Extract<Reply, { kind: 'answer' }>): boolean {
  return /:(exists|version-mismatch|not-found)$/.test(problem?.type ?? '');
}

/** What the endpoint's client throws for a reply, as a fetch wrapper would. */
export function throwReply(reply: Reply | undefined): never {
  if (reply === undefined || reply.kind === 'omitted') throw new TypeError('no answer');
  if (reply.kind === 'answer') {
    const { status, retryAfterMs, restMs } = reply;
    const headers = new Headers(
      restMs === undefined
        ? {}
        : { 'RateLimit-Remaining': '0', 'RateLimit-Reset': String(Math.ceil(restMs / 1000)) },
    );
    throw Object.assign(new Error(`status ${status}`), {
      status,
      headers,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(reply.problem !== undefined && { problem: reply.problem }),
    });
  }
  switch (reply.failure) {
    case 'timeout':
      throw new DOMException('aborted', 'AbortError');
    case 'network':
      throw new TypeError('Failed to fetch');
    case 'unexpected':
      throw new SyncError('UNEXPECTED_RESPONSE', 'not JSON');
    case 'unclassified':
      throw new Error('who knows');
  }
}
