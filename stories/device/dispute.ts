import { dexieStorage } from '../../src/index.js';
import type { AirportSeed } from '../data/parseAirports.mjs';
import { airports, askedAirports, findings, type Finding } from '../inspection/model.js';
import { addFinding, setNotes, setStatus } from '../inspection/mutations.js';
import { createDevice, forgetDevice, PEOPLE, type Device, type Devices } from './devices.js';
import { forgetServer, rememberedServer } from './rememberedServer.js';
import { createServerInPage } from './serverInPage.js';

/** Two inspectors on one round, who are asked where they disagree. Devices and server survive a reload. */
export interface Dispute {
  readonly devices: Devices;
  /** Another tab on the first device: the same storage. */
  readonly openTab: () => Device;
  readonly space: string;
}

/** The airports of one round. */
const ROUND = ['ACK', 'BED', 'BVY', 'EWB', 'LWM', 'ORH', 'OWD', 'PVC'];

const serverKey = (space: string): string => `${space}-server`;
const begunKey = (space: string): string => `${space}-begun`;

/**
 * The dispute of that name. The first time there is a day behind it, in which they did not hear of each other.
 * @param space begins the names of all that is stored
 */
export async function openDispute(space: string, rows: readonly AirportSeed[]): Promise<Dispute> {
  const round = rows.filter(({ id }) => ROUND.includes(id));
  const server = rememberedServer(createServerInPage(round), serverKey(space));
  const open = (person: (typeof PEOPLE)[number]): Device =>
    createDevice(person, {
      space,
      transport: server,
      realtime: server.changes,
      storage: dexieStorage(),
      collections: [askedAirports, findings],
    });
  const devices: Devices = [open(PEOPLE[0]), open(PEOPLE[1])];
  await Promise.all(devices.map(({ client }) => client.ready));
  if (localStorage.getItem(begunKey(space)) === null) {
    localStorage.setItem(begunKey(space), 'true');
    await makeADay(devices);
  }
  return { devices, openTab: () => open(PEOPLE[0]), space };
}

const finding = (airportId: string, text: string, author: string): Finding => ({
  id: crypto.randomUUID(),
  airportId,
  text,
  severity: 'medium',
  author,
  createdAt: Date.now(),
});

/** Ada edits without a network what Ben edits, too: some fields, a row that is gone, and one that she takes away. */
async function makeADay([{ client: ada, owner }, { client: ben, owner: other }]: Devices): Promise<void> {
  await Promise.all([ada, ben].map((client) => client.sync({ direction: 'pull' })));
  ada.pause();
  ada.update(airports, 'BED', { notes: 'Windsock torn, new one ordered', status: 'watch' });
  ada.mutate(addFinding, finding('BED', 'Hangar door will not lock', owner));
  ada.mutate(setStatus, { id: 'BED', status: 'open' });
  ada.update(airports, 'OWD', { notes: 'Mowing beside the runway until noon', status: 'watch' });
  ada.mutate(setNotes, { id: 'BVY', notes: 'Papi lights out, east side' });
  ada.delete(airports, 'PVC');
  ada.mutate(setNotes, { id: 'ACK', notes: 'Beacon cleaned' });
  ben.update(airports, 'BED', { notes: 'Windsock replaced on Friday' });
  ben.mutate(addFinding, finding('BED', 'Apron light broken', other));
  ben.update(airports, 'OWD', { notes: 'Fuel spill at the hangar', status: 'closed' });
  ben.delete(airports, 'BVY');
  ben.mutate(setNotes, { id: 'PVC', notes: 'Ferry pilots use it all winter' });
  await ben.flush();
  ada.resume();
  await ada.sync(); // a flush would wait for what waits for her
}

export async function closeDispute({ devices }: Dispute): Promise<void> {
  await Promise.all(devices.map(({ client }) => client.dispose()));
}

/** Closes it, and forgets all that it has stored. */
export async function clearDispute({ devices, space }: Dispute): Promise<void> {
  await Promise.all(devices.map(forgetDevice));
  forgetServer(serverKey(space));
  localStorage.removeItem(begunKey(space));
}
