import { createMemoryDisk, memoryStorage, type MemoryDisk } from '../../src/adapters/memoryStorage.js';
import { defineCollection } from '../../src/domain/collection.js';
import { SyncError } from '../../src/domain/errors.js';
import type { MutationRecord } from '../../src/domain/mutation.js';
import type { SyncClient } from '../../src/engine/client.js';
import { createSyncClient } from '../../src/engine/createSyncClient.js';
import { META } from '../../src/engine/ledger.js';
import { presentIn, type EmptyPlaces } from '../../src/engine/logRecords.js';
import type { SyncClientOptions } from '../../src/engine/options.js';
import type {
  Lease,
  Platform,
  Reply,
  SealedOp,
  StorageWrite,
  SyncStorage,
  TabChannel,
  Transport,
} from '../../src/engine/ports.js';
import {
  createScriptedServer,
  type ScriptedServer,
  type ScriptedServerOptions,
} from '../../src/testing/scriptedServer.js';
import { createSimulatedClock, type SimulatedClock } from '../../src/testing/simulatedClock.js';
import {
  switchableConnectivity,
  type SwitchableConnectivity,
} from '../../src/testing/switchableConnectivity.js';

export interface Todo {
  id: string;
  title: string;
  done?: boolean;
  n?: number;
}

export const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });
export const lists = defineCollection<{ id: string; count: number }>({ name: 'lists', key: 'id' });

/** One device: a disk, a network and a clock; its tabs share them. */
export interface Device {
  readonly clock: SimulatedClock;
  readonly disk: MemoryDisk;
  readonly server: ScriptedServer;
  readonly connectivity: SwitchableConnectivity;
  /** What was warned of. */
  readonly warnings: string[];
  /** A tab. It pulls from `server` and pushes through it unless told otherwise. */
  open(options?: Partial<SyncClientOptions>): SyncClient;
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
}

export interface DeviceOptions extends ScriptedServerOptions {
  readonly server?: ScriptedServer;
  /** @default the tabs take turns, as with Web Locks */
  readonly lease?: Lease;
  /** @default backoffs are exactly half of their bound */
  readonly random?: () => number;
}

export function createDevice(options: DeviceOptions = {}): Device {
  const clock = createSimulatedClock();
  const now = (): number => clock.now();
  const { server = createScriptedServer({ now, ...options }), lease = turns(), random = () => 0.5 } = options;
  const disk = createMemoryDisk();
  const connectivity = switchableConnectivity();
  const warnings: string[] = [];
  const tabs = sharedTabs();
  let ids = 0;
  const platform: Platform = {
    storage: () => memoryStorage({ disk }),
    fallback: memoryStorage,
    connectivity: () => connectivity,
    lease: () => lease,
    tabs: () => tabs,
    clock,
    random,
    createId: () => `t${++ids}`,
    logger: { warn: (message) => void warnings.push(message) },
  };
  return {
    clock,
    disk,
    server,
    connectivity,
    warnings,
    open: (own = {}) =>
      createSyncClient(
        {
          name: 'app',
          collections: [todos, lists],
          transport: server,
          ...own,
          // Nobody else comes back with it, unless a test says so (RT5).
          retry: { spreadMs: 0, ...own.retry },
        },
        platform,
      ),
    settle: () => clock.advance(0),
  };
}

/** A client that is ready, on a device of its own. */
export async function startClient(
  options: Partial<SyncClientOptions> = {},
  of: DeviceOptions = {},
): Promise<Device & { readonly client: SyncClient }> {
  const device = createDevice(of);
  const client = device.open(options);
  await device.settle();
  return { ...device, client };
}

/** One holder at a time, first come first served. */
export function turns(): Lease {
  const tails = new Map<string, Promise<void>>();
  return {
    hold(name, signal, work) {
      const before = tails.get(name) ?? Promise.resolve();
      const left = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      const mine = Promise.race([before, left]).then(() => (signal.aborted ? undefined : work()));
      tails.set(
        name,
        Promise.all([before, mine]).then(() => undefined),
      );
      return mine;
    },
  };
}

/** Everybody leads at once: safe all the same (TB3). */
export const everybody: Lease = { hold: (_name, _signal, work) => work() };

/** Tabs that hear each other, a moment later. */
export function sharedTabs(): TabChannel & { readonly open: TabChannel['open']; readonly listening: number } {
  const open = new Set<{ readonly namespace: string; readonly heard: () => void }>();
  return {
    open(namespace, heard) {
      const own = { namespace, heard };
      open.add(own);
      return {
        announce() {
          for (const tab of [...open])
            if (tab !== own && tab.namespace === namespace)
              queueMicrotask(() => {
                if (open.has(tab)) tab.heard();
              });
        },
        close: () => void open.delete(own),
      };
    },
    get listening() {
      return open.size;
    },
  };
}

/** The mutations that are in the outbox, as they are stored. */
export async function storedIn({ disk }: Pick<Device, 'disk'>): Promise<MutationRecord[]> {
  const storage = memoryStorage({ disk });
  await storage.open('app');
  const { log, meta } = await storage.load();
  const empty = meta.find(({ key }) => key === META.empty)?.value as EmptyPlaces | undefined;
  return log.flatMap(({ seq, mutations }) =>
    [...presentIn(mutations, empty?.get(seq))].map(([, record]) => record as MutationRecord),
  );
}

/** Tabs that never hear anything. */
export const deaf: TabChannel = { open: () => ({ announce: () => undefined, close: () => undefined }) };

/** A push that waits for its answer. */
export interface HeldPush {
  readonly tokens: readonly string[];
  readonly keys: readonly string[];
  readonly bodies: readonly string[];
  readonly signal: AbortSignal;
  /** Lets the server answer. */
  pass(): Promise<void>;
  /** Answers in its place. */
  answer(...replies: readonly Reply[]): Promise<void>;
}

/** The server, with every push held until the test lets it through. Nothing is pulled. */
export function heldTransport(
  server: Transport,
  clock: SimulatedClock,
): Transport & { readonly pushes: HeldPush[] } {
  const pushes: HeldPush[] = [];
  return {
    ordered: server.ordered,
    limits: server.limits,
    encode: (op) => server.encode(op),
    push: (ops: readonly SealedOp[], context) =>
      new Promise((resolve) => {
        pushes.push({
          tokens: ops.map(({ token }) => token),
          keys: ops.map(({ token, rev }) => `${token}.${rev}`),
          bodies: ops.map(({ body }) => body),
          signal: context.signal,
          async pass() {
            resolve(await server.push(ops, context));
            await clock.advance(0);
          },
          async answer(...replies) {
            resolve(replies);
            await clock.advance(0);
          },
        });
      }),
    pushes,
  };
}

/** A storage whose writes are watched, and fail when told to. */
export function watchedStorage(storage: SyncStorage): SyncStorage & {
  readonly writes: StorageWrite[];
  fail: ((write: StorageWrite) => boolean) | undefined;
  failLoads: boolean;
} {
  const watched = {
    writes: [] as StorageWrite[],
    fail: undefined as ((write: StorageWrite) => boolean) | undefined,
    failLoads: false,
    durable: true,
    open: (namespace: string) => storage.open(namespace),
    load: (since?: number) => (watched.failLoads ? Promise.reject(full()) : storage.load(since)),
    write(write: StorageWrite) {
      watched.writes.push(write);
      return watched.fail?.(write) === true ? Promise.reject(full()) : storage.write(write);
    },
    destroy: () => storage.destroy(),
    close: () => storage.close(),
  };
  return watched;
}

const full = (): SyncError =>
  new SyncError('STORAGE', 'The space for this site is used up.', { cause: new Error('QuotaExceededError') });

export const answered = (status: number, rest: Partial<Extract<Reply, { kind: 'answer' }>> = {}): Reply => ({
  kind: 'answer',
  status,
  rows: [],
  ...rest,
});
export const accepted = answered(200);
export const refused = answered(422, { problem: { title: 'no' } });
export const portal: Reply = { kind: 'failure', failure: 'unexpected', cause: new Error('200 text/html') };
export const lost: Reply = { kind: 'failure', failure: 'network', cause: new TypeError('Failed to fetch') };
export const omitted: Reply = { kind: 'omitted' };

/** How a promise ended, so far: a log line. */
export function outcomeOf(promise: Promise<unknown>): { readonly now: string } {
  const state = { now: 'open' };
  promise.then(
    (value) => (state.now = value === undefined ? 'resolved' : `resolved ${JSON.stringify(value)}`),
    (error: unknown) =>
      (state.now = error instanceof SyncError ? `rejected ${error.code}` : `rejected ${String(error)}`),
  );
  return state;
}

/** What a call throws, as `CODE: message`. */
export function thrownBy(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof SyncError ? `${error.code}: ${error.message}` : String(error);
  }
  return 'nothing';
}
