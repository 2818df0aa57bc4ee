import { dexieStorage } from '../../src/index.js';
import type { AirportSeed } from '../data/parseAirports.mjs';
import { airports, type Airport, type Finding, type Severity } from '../inspection/model.js';
import {
  addFinding,
  amendFinding,
  keepNotes,
  setNotes,
  setSeverity,
  setStatus,
} from '../inspection/mutations.js';
import { createDevice, forgetDevice, PEOPLE, type Device } from './devices.js';
import { forgetServer, rememberedServer, type RememberedServer } from './rememberedServer.js';
import { createServerInPage } from './serverInPage.js';

/** An inspector's device with a server in the page; both survive a reload. */
export interface Desk {
  readonly device: Device;
  readonly server: RememberedServer;
  readonly space: string;
}

/** The airports of one round. */
const ROUND = ['ACK', 'BED', 'BVY', 'EWB', 'LWM', 'ORH', 'OWD', 'PVC'];

const serverKey = (space: string): string => `${space}-server`;
const begunKey = (space: string): string => `${space}-begun`;

/**
 * The desk of that name. The first time there is a day behind it.
 * @param space begins the names of all that is stored
 */
export async function openDesk(space: string, rows: readonly AirportSeed[]): Promise<Desk> {
  const round = rows.filter(({ id }) => ROUND.includes(id));
  const server = rememberedServer(createServerInPage(round), serverKey(space));
  const device = createDevice(PEOPLE[0], {
    space,
    transport: server,
    realtime: server.changes,
    storage: dexieStorage(),
    mutations: [setNotes, keepNotes, setStatus, addFinding, setSeverity, amendFinding],
  });
  const desk = { device, server, space };
  await device.client.ready;
  if (localStorage.getItem(begunKey(space)) === null) {
    localStorage.setItem(begunKey(space), 'true');
    await makeADay(desk);
  }
  return desk;
}

/** What the server is to refuse of a day without a network. */
async function makeADay({ device, server }: Desk): Promise<void> {
  const { client } = device;
  await client.sync({ direction: 'pull' });
  const closed = client.get(airports, 'BED') as Airport;
  await server.put(airports.name, 'BED', { ...closed, status: 'closed' });
  client.pause();
  const finding: Finding = {
    id: crypto.randomUUID(),
    airportId: 'BED',
    text: 'Cracked threshold, runway 11',
    severity: 'medium',
    author: device.owner,
    createdAt: Date.now(),
  };
  const note = client.mutate(keepNotes, { id: 'BVY', notes: 'Mowing: call ben@example.com first' });
  client.mutate(addFinding, finding);
  const raised: Severity = 'high';
  client.mutate(setSeverity, { id: finding.id, severity: raised });
  client.mutate(amendFinding, { id: finding.id, text: 'Cracked threshold, runway 11, two metres' });
  client.mutate(setStatus, { id: 'PVC', status: 'shut' as never }); // as an older version of the app called it
  client.mutate(setNotes, { id: 'ACK', notes: 'Windsock replaced' });
  client.resume();
  await client.flush();
  client.retry(note.token, { id: 'BVY', notes: 'Mowing: call ben@airport.example first' });
  await client.flush();
}

/** Closes the desk and forgets all that it has stored. */
export async function clearDesk({ device, space }: Desk): Promise<void> {
  await forgetDevice(device);
  forgetServer(serverKey(space));
  localStorage.removeItem(begunKey(space));
}
