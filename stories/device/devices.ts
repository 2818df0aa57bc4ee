import {
  createSyncClient,
  dexieStorage,
  eventSourceChanges,
  httpTransport,
  memoryStorage,
  type SyncClient,
  type SyncClientOptions,
  type Transport,
} from '../../src/index.js';
import type { AirportSeed } from '../data/parseAirports.mjs';
import { airports, findings } from '../inspection/model.js';
import { addFinding, setNotes, setStatus } from '../inspection/mutations.js';
import { createNetwork, type Network } from './network.js';
import { createServerInPage } from './serverInPage.js';

/** Somebody's device: a client with storage and a network of its own. */
export interface Device {
  readonly id: string;
  /** e.g. `Ada’s tablet` */
  readonly name: string;
  readonly owner: string;
  readonly form: 'tablet' | 'phone';
  readonly client: SyncClient;
  readonly network: Network;
}

export type Devices = readonly [Device, Device];

export const PEOPLE = [
  { id: 'ada', owner: 'Ada', name: 'Ada’s tablet', form: 'tablet' },
  { id: 'ben', owner: 'Ben', name: 'Ben’s phone', form: 'phone' },
] as const;

export interface Environment extends Partial<
  Pick<SyncClientOptions, 'storage' | 'realtime' | 'clock' | 'collections' | 'mutations'>
> {
  /** Begins the names of all that the devices store. */
  readonly space: string;
  readonly transport: Transport;
  /** Keeps the network's settings over reloads. @default true */
  readonly remembers?: boolean;
}

export function createDevice(person: (typeof PEOPLE)[number], environment: Environment): Device {
  const { space, transport, remembers = true, ...options } = environment;
  const name = `${space}-${person.id}`;
  const network = createNetwork(transport, remembers ? `${name}-network` : undefined);
  const client = createSyncClient({
    collections: [airports, findings],
    mutations: [setNotes, setStatus, addFinding],
    ...options,
    name,
    user: person.owner,
    transport: network.transport,
    connectivity: network.connectivity,
    retry: { baseMs: 500, capMs: 8_000 },
    timeoutMs: 10_000,
    pollMs: 15_000,
  });
  return { ...person, client, network };
}

const forBoth = (open: (person: (typeof PEOPLE)[number]) => Device): Devices => [
  open(PEOPLE[0]),
  open(PEOPLE[1]),
];

/** Against the server at `/sync`. What they keep survives a reload of the page. */
export function devicesOnServer(): Devices {
  return forBoth((person) =>
    createDevice(person, {
      space: 'holdfast-demo',
      transport: httpTransport({ url: '/sync', client: person.id }),
      realtime: eventSourceChanges({ url: '/sync' }),
    }),
  );
}

/** Against a server inside the page, which forgets all on a reload; so do the devices. */
export function devicesInPage(rows: readonly AirportSeed[]): Devices {
  const server = createServerInPage(rows);
  const space = `holdfast-page-${crypto.randomUUID()}`;
  return forBoth((person) =>
    createDevice(person, {
      space,
      transport: server,
      realtime: server.changes,
      storage: memoryStorage(),
      remembers: false,
    }),
  );
}

export async function disposeDevices(devices: Devices): Promise<void> {
  await Promise.all(devices.map(({ client }) => client.dispose()));
}

/** Closes a device whose storage is Dexie's, and deletes what it has stored. */
export async function forgetDevice({ client, network }: Device): Promise<void> {
  await client.dispose();
  network.forget();
  const storage = dexieStorage();
  await storage.open(client.namespace);
  await storage.destroy();
}
