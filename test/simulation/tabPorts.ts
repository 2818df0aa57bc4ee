import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { storageError } from '../../src/adapters/storageError.js';
import { idempotencyKey } from '../../src/domain/mutation.js';
import { TRANSPORT } from '../../src/domain/lanes.js';
import { encodeOp } from '../../src/domain/wire.js';
import type {
  ChangeSource,
  Clock,
  Reply,
  StorageState,
  SyncStorage,
  Transport,
} from '../../src/engine/ports.js';
import { CRASH_POINTS, crashingStorage } from '../../src/testing/crashingStorage.js';
import { createFaultyTransport, type FaultyTransport } from '../../src/testing/faultyTransport.js';
import type { Effort } from './effort.js';
import { throwReply } from './gateway.js';
import type { Life } from './life.js';
import type { Call } from './model.js';
import type { Shadow } from './shadow.js';
import type { Device } from './world.js';

/** One process, as its ports know it. */
export interface Process {
  readonly name: string;
  readonly life: Life;
  /** What it was told of the storage. */
  readonly shadow: Shadow;
  readonly effort: Effort;
}

export function processClock({ clock, now }: Device, { life, effort }: Process): Clock {
  return {
    now,
    monotonic: () => clock.monotonic(),
    sleep(ms, signal) {
      if (life.state === 'dead') return never();
      const done = effort.begin('sleep');
      return life.hear(clock.sleep(ms, signal), done);
    },
    turn() {
      if (life.state === 'dead') return never();
      return life.hear(clock.sleep(0), effort.begin('sleep'));
    },
  };
}

export function processStorage(world: Device, process: Process, died: () => void): SyncStorage {
  const { name, life, shadow, effort } = process;
  const random = world.random(`storage ${name}`);
  const memory = memoryStorage({ disk: world.disk });
  const watched: SyncStorage = {
    ...memory,
    async write(write) {
      const receipt = await memory.write(write);
      if (receipt !== 'stale') world.truth.committed(name, write, receipt);
      return receipt;
    },
  };
  const dying = crashingStorage({
    storage: watched,
    at() {
      const [dies, where] = [random(), random()];
      if (!world.chaos || dies >= world.plan.storage.crash) return undefined;
      return CRASH_POINTS[Math.floor(where * CRASH_POINTS.length)];
    },
    onCrash: died,
  });
  /** A transaction takes its time before and after it commits. */
  function takeTime<T>(work: () => Promise<T>, told: (value: T) => void, writes = false): Promise<T> {
    const isDead = (): boolean => life.state === 'dead';
    if (isDead()) return never();
    const done = effort.begin('storage');
    const wait = (): Promise<void> => world.clock.sleep(random() * world.plan.storage.ms);
    const travel = async (): Promise<T> => {
      await wait();
      if (isDead()) return never();
      if (writes && world.full) throw storageError('quota', 'The simulated disk is full.');
      const value = await work();
      await wait();
      return value;
    };
    return life.hear(
      travel().finally(() => life.deliver(done)),
      told,
    );
  }
  const nothing = (): void => undefined;
  return {
    durable: true,
    open: (namespace) => dying.open(namespace),
    load: (since) =>
      takeTime(
        () => dying.load(since),
        (state) => {
          restoreBreakers(world, process, state, since === undefined);
          forgetTriedAgain(process, state);
          shadow.learnt(state);
        },
      ),
    write: (write) =>
      takeTime(
        () => dying.write(write),
        (receipt) => receipt !== 'stale' && shadow.wrote(write, receipt),
        true,
      ),
    destroy: () => takeTime(() => dying.destroy(), nothing),
    close: () => life.hear(dying.close()),
  };
}

/** Known limit: what the server asked for is kept by who refused or gave up, not by another that then tries again (RT7). */
function forgetTriedAgain({ shadow, effort }: Process, { log, seals }: StorageState): void {
  const again = new Set(
    log.flatMap(({ mutations }) =>
      mutations.flatMap(({ token, history = [] }) =>
        history.length > (shadow.tries.get(token) ?? 0) ? token : [],
      ),
    ),
  );
  const sealed = [...seals, ...[...shadow.seals.values()].map((list) => ({ sealed: list }))].flatMap(
    (s) => s.sealed,
  );
  effort.forget(
    sealed.flatMap((one) =>
      (one.members ?? [one.token]).some((t) => again.has(t)) ? idempotencyKey(one) : [],
    ),
  );
}

/** What an earlier session says of a breaker binds this one, as far as the wall clock can be believed (RT4). */
function restoreBreakers(
  { plan, now }: Device,
  { effort }: Process,
  { meta, partial }: StorageState,
  isFirst: boolean,
): void {
  const told = meta.find((m) => m.key === 'breakers');
  if (told === undefined && partial) return; // not written since
  const stored = told?.value as Readonly<Record<string, { readonly openUntil: number }>> | undefined;
  const openMs = plan.breaker?.openMs ?? 30_000;
  if (plan.steps.some((step) => step.kind === 'jump')) return;
  const open = new Map(
    Object.entries(stored ?? {}).map(([route, { openUntil }]) => [
      route,
      Math.min(Math.max(openUntil - now(), 0), openMs),
    ]),
  );
  // The one that drains may have closed it, or found nothing out by its probe, before this one begins to.
  effort.breaker.learnt(open);
  if (isFirst) for (const [route, ms] of open) effort.breaker.restored(route, ms);
}

export function processNetwork(world: Device, { name }: Process): FaultyTransport {
  const { network } = world.plan;
  return createFaultyTransport({
    transport: world.gateway.transport,
    clock: world.clock,
    random: world.random(`network ${name}`),
    latencyMs: network.latencyMs,
    ...(world.chaos && {
      loss: network.loss,
      lossAfter: network.lossAfter,
      duplicate: network.duplicate,
    }),
  });
}

export function processTransport(world: Device, process: Process, network: FaultyTransport): Transport {
  const { name, life, effort } = process;
  const pull = network.pull?.bind(network);
  return {
    ordered: network.ordered,
    limits: network.limits,
    encode: (op) => network.encode(op),
    push(ops, context) {
      if (life.state === 'dead') return never();
      world.report.note(name, 'push', ops.map(idempotencyKey).join(' '));
      if (world.devices.length > 1) world.report.stake(11);
      for (const op of ops) world.truth.sent(name, op.token, idempotencyKey(op), op.body);
      const keys = ops.map(idempotencyKey);
      const done = effort.request('push', TRANSPORT, keys);
      if (world.report.violation !== undefined) return never(); // or a loop without time would never end
      return life.hear(network.push(ops, context), (replies) => {
        done();
        world.report.note(
          name,
          'got',
          replies.map((r) => (r.kind === 'answer' ? r.status : r.kind)).join(' '),
        );
        heard(
          context.signal,
          () => effort.answered('push', TRANSPORT, replies, keys),
          () => effort.abandoned(TRANSPORT),
        );
      });
    },
    ...(world.plan.pull &&
      pull !== undefined && {
        snapshots: network.snapshots === true,
        pull(request) {
          if (life.state === 'dead') return never();
          const done = effort.request('pull', TRANSPORT, []);
          if (world.report.violation !== undefined) return never();
          return life.hear(pull(request), (reply) => {
            done();
            world.report.note(
              name,
              'pulled',
              request.snapshot === undefined ? (request.cursor ?? 'all') : `rows ${request.snapshot.page}`,
              'page' in reply ? reply.page : reply,
            );
            heard(
              request.signal,
              () => effort.answered('pull', TRANSPORT, [reply.kind === 'failed' ? reply.reply : undefined]),
              () => effort.abandoned(TRANSPORT),
            );
          });
        },
      }),
  };
}

/** The endpoint of those mutations that are sent by their own function, through the same network. */
export function processEndpoint(
  world: Device,
  { name, life, effort }: Process,
  network: FaultyTransport,
): Call {
  return async (route, variables, { idempotencyKey: key, signal, changes }) => {
    if (life.state === 'dead') return never();
    const token = key.slice(0, key.lastIndexOf('.'));
    const rev = Number(key.slice(key.lastIndexOf('.') + 1));
    world.truth.sent(name, token, key, JSON.stringify({ variables, changes }));
    world.report.note(name, 'call', key);
    const op = { token: world.plan.tagged ? token : `fn:${token}`, rev };
    const body = encodeOp({ ...op, changes: [], command: { name: route, args: variables }, after: [] });
    const done = effort.request('call', route, [key]);
    if (world.report.violation !== undefined) return never();
    const [reply] = await life.hear(network.push([{ ...op, body }], { signal }), (replies) => {
      done();
      const [answer] = replies.map(asEndpoint);
      heard(
        signal,
        () => effort.answered('call', route, [answer], [key]),
        () => effort.abandoned(route),
      );
      world.report.note(name, 'call', key, 'got', answer);
    });
    return reply?.kind === 'answer' && reply.status === 200 ? reply.result : throwReply(reply);
  };
}

/** What a function of its own can tell: of a good answer it returns what it says, not what the headers say. */
function asEndpoint(reply: Reply): Reply {
  if (reply.kind !== 'answer') return reply;
  const { restMs, ...rest } = reply;
  const heard = { ...rest, wholeRequest: false };
  return reply.status === 200 || restMs === undefined
    ? heard
    : { ...heard, restMs: Math.ceil(restMs / 1000) * 1000 };
}

export function processRealtime(world: Device, { name, life, effort }: Process): ChangeSource {
  const random = world.random(`realtime ${name}`);
  return {
    listen(poke, signal) {
      if (signal.aborted) return;
      const done = effort.begin('listener');
      signal.addEventListener('abort', done, { once: true });
      world.gateway.changes.listen(() => {
        void world.clock.sleep(random() * 100).then(() =>
          life.deliver(() => {
            if (signal.aborted) return;
            effort.stimulus();
            poke();
          }),
        );
      }, signal);
    },
  };
}

/** Unless the client has given up: after a freeze, its alarm may ring together with the answer, and first. */
function heard(signal: AbortSignal, call: () => void, otherwise: () => void): void {
  void (async () => {
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    if (signal.aborted) otherwise();
    else call();
  })();
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
