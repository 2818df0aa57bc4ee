import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import type { Token } from '../../src/domain/mutation.js';
import type { SyncClient } from '../../src/engine/client.js';
import { createSyncClient } from '../../src/engine/createSyncClient.js';
import type { MutationHandle } from '../../src/engine/settlement.js';
import type { FaultyTransport } from '../../src/testing/faultyTransport.js';
import {
  switchableConnectivity,
  type SwitchableConnectivity,
} from '../../src/testing/switchableConnectivity.js';
import { createEffort } from './effort.js';
import { TIMEOUT_MS } from './gateway.js';
import { createLife } from './life.js';
import { collectionsOf, defineMutations, type Definitions } from './model.js';
import type { Recorded } from './refold.js';
import { createShadow } from './shadow.js';
import {
  processClock,
  processEndpoint,
  processNetwork,
  processRealtime,
  processStorage,
  processTransport,
  type Process,
} from './tabPorts.js';
import type { Device } from './world.js';

export const NAMESPACE = 'simulated';
export const RETRY = { baseMs: 500, capMs: 8_000 };

/** `held`: refused, and still shown. */
export type Ending = 'confirmed' | 'annulled' | 'rejected' | 'held' | 'cancelled' | 'forgotten';

export interface Ended {
  readonly how: Ending;
  /** How often the mutation had been refused before, as far as this process knew. */
  readonly tries: number;
}

/** One mutation as the process that called it knows it. */
export interface Called {
  readonly token: Token;
  readonly handle: MutationHandle;
  enqueued: 'open' | 'resolved' | 'rejected';
  acknowledged: 'open' | 'resolved' | 'rejected';
  confirmed: 'open' | 'resolved' | 'rejected';
}

/** One client in one process, and what is known of it from outside. */
export interface Tab extends Process {
  readonly client: SyncClient;
  readonly definitions: Definitions;
  readonly network: FaultyTransport;
  readonly connectivity: SwitchableConnectivity;
  readonly isListening: () => boolean;
  readonly called: Map<Token, Called>;
  /** Visible, and not yet stored as far as the process was told. */
  readonly saving: Map<Token, Recorded>;
  /** Called before the tab was ready, on rows it did not know: they begin when it is. */
  readonly deferred: Map<Token, Recorded>;
  /** Taken out of the view, and not yet of the storage. */
  readonly cancelling: Set<Token>;
  readonly endings: Map<Token, Ended>;
  /** Ids of projects, as they were when they were inserted. */
  readonly projects: Set<string>;
  /** What it shows as pending, to see what leaves. */
  pending: ReadonlySet<Token>;
  phase: 'running' | 'disposing' | 'disposed' | 'dead';
  ready: boolean;
  /** The next token, before it is used. */
  readonly nextToken: () => Token;
  /** What was checked last. */
  checked: string;
  /** How often a dead letter was tried again here. */
  retries: number;
  /** Promises that must be settled in the end, by name. */
  readonly open: Set<string>;
}

export function openTab(
  world: Device,
  name: string,
  ended: (tab: Tab, token: Token, how: Ending) => void,
): Tab {
  const life = createLife();
  const { clock, report } = world;
  const effort = createEffort(
    name,
    () => clock.monotonic(),
    report,
    world.plan,
    () => world.leads(life),
  );
  const process: Process = { name, life, shadow: createShadow(), effort };
  const network = processNetwork(world, process);
  const connectivity = switchableConnectivity();
  const channel = world.tabs(life);
  const random = world.random(`jitter ${name}`);
  const lease = world.lease(life);
  let tokens = 0;
  const tokenOf = (n: number): Token => `${name}-${n}`;
  const definitions = defineMutations(processEndpoint(world, process, network));
  const storage = processStorage(world, process, () => {
    report.note(name, 'died in a write');
    tab.phase = 'dead';
    life.kill();
  });
  const client = createSyncClient(
    {
      name: NAMESPACE,
      collections: collectionsOf(world.plan, (ms) => clock.sleep(ms)),
      resolverTimeoutMs: 10_000,
      mutations: Object.values(definitions),
      transport: processTransport(world, process, network),
      storage,
      ...(world.plan.realtime && world.plan.pull && { realtime: processRealtime(world, process) }),
      connectivity: {
        get online() {
          return connectivity.online;
        },
        subscribe(listener) {
          const done = effort.begin('listener');
          const stop = connectivity.subscribe(() => {
            effort.breaker.platform(connectivity.online);
            life.deliver(() => {
              effort.breaker.platform(connectivity.online);
              listener();
            });
          });
          return () => {
            done();
            stop();
          };
        },
      },
      lease,
      tabs: channel,
      clock: processClock(world, process),
      random,
      createId: () => tokenOf(tokens++),
      retry: { ...RETRY, maxAttempts: world.plan.maxAttempts ?? Infinity },
      breaker: world.plan.breaker ?? {},
      timeoutMs: TIMEOUT_MS,
      pollMs: 4_000,
      concurrency: 2,
    },
    {
      storage: memoryStorage,
      fallback: memoryStorage,
      connectivity: () => connectivity,
      lease: () => lease,
      tabs: () => channel,
      clock,
      random,
      createId: () => tokenOf(tokens++),
      logger: { warn: (...parts) => report.fail(12, `${name} warned: ${parts.map(String).join(' ')}`) },
    },
  );
  const tab: Tab = {
    ...process,
    client,
    definitions,
    network,
    connectivity,
    isListening: () => channel.listening,
    called: new Map(),
    saving: new Map(),
    deferred: new Map(),
    cancelling: new Set(),
    endings: new Map(),
    projects: new Set(),
    pending: new Set(),
    phase: 'running',
    ready: false,
    nextToken: () => tokenOf(tokens),
    checked: '',
    retries: 0,
    open: new Set(),
  };
  void client.ready.then(() => (tab.ready = true));
  const end = (how: Ending) => (data: { readonly token: Token }) => {
    if (life.state === 'dead') return;
    const { token } = data;
    const tries = tab.shadow.tries.get(token) ?? 0;
    report.note(name, token, how);
    report.stake(8);
    const former = tab.endings.get(token);
    // Discarded, or resolved; or, when it was given up, accepted after all.
    const isOver = former?.how === 'held' && ['cancelled', 'confirmed', 'annulled'].includes(how);
    if (former !== undefined && former.tries >= tries && !isOver)
      report.fail(8, `${name} told that ${token} was ${how} after ${former.how}`);
    tab.endings.set(token, { how, tries });
    ended(tab, token, how);
  };
  client.on('mutation.confirmed', end('confirmed'));
  client.on('mutation.annulled', end('annulled'));
  client.on('mutation.rejected', end('rejected'));
  client.on('mutation.needsAttention', end('held'));
  client.on('mutation.cancelled', end('cancelled'));
  client.on('mutation.forgotten', end('forgotten'));
  client.on('breaker.opened', ({ route, until }) => effort.breaker.opened(route, until - world.now()));
  client.on('breaker.closed', ({ route }) => effort.breaker.closed(route));
  // The server's sums are an oracle of their own: what a repair would mend is a bug here.
  client.on('sync.completed', (done) => {
    const verified = 'verified' in done ? (done.verified ?? 'equal') : 'equal';
    if (verified !== 'equal' && life.state !== 'dead')
      report.fail(4, `${name} is up to date and did not have what the server has: ${verified}`);
  });
  client.on('client.failure', ({ error }) => {
    // A full disk is the one failure that is nobody's bug here.
    if (life.state !== 'dead' && !String(error).includes('full'))
      report.fail(12, `${name} failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
  });
  return tab;
}

export function kill(tab: Tab): void {
  tab.phase = 'dead';
  tab.life.kill();
}
