import { dexieStorage } from '../../src/index.js';
import { createScriptedServer } from '../../src/testing.js';
import type { AirportSeed } from '../data/parseAirports.mjs';
import { airports } from '../inspection/model.js';
import { createDevice, forgetDevice, PEOPLE, type Device } from './devices.js';
import { forgetServer, rememberedServer } from './rememberedServer.js';

/** A device and a server in the page that has far more rows than one page; both survive a reload. */
export interface FirstPullWorld {
  readonly device: Device;
  readonly space: string;
}

export interface FirstPullOptions {
  /** Begins the names of all that is stored. */
  readonly space: string;
  readonly rows: readonly AirportSeed[];
  /** How many stands there are. */
  readonly count: number;
  /** Of the device's network, at first. @default 0 */
  readonly latencyMs?: number;
}

export function openFirstPull({ space, rows, count, latencyMs = 0 }: FirstPullOptions): FirstPullWorld {
  const inPage = createScriptedServer({ pageSize: 1_000 });
  for (let n = 0; n < count; n++) {
    const { id, data } = stand(rows, n);
    inPage.put(airports.name, id, data);
  }
  const server = rememberedServer(inPage, serverKey(space));
  const device = createDevice(PEOPLE[0], {
    space,
    transport: server,
    realtime: server.changes,
    storage: dexieStorage(),
  });
  if (latencyMs > 0) device.network.set({ latencyMs });
  return { device, space };
}

/** Closes it and forgets all that was stored. */
export async function clearFirstPull({ device, space }: FirstPullWorld): Promise<void> {
  await forgetDevice(device);
  forgetServer(serverKey(space));
}

const serverKey = (space: string): string => `${space}-server`;

/** Stand 1 of every airport, then stand 2 of every airport. */
function stand(rows: readonly AirportSeed[], n: number): AirportSeed {
  const { data } = rows[n % rows.length] as AirportSeed;
  const number = Math.floor(n / rows.length) + 1;
  const id = `${String(number).padStart(2, '0')}-${data.iata}`;
  return { id, data: { ...data, id, name: `${data.name}, stand ${number}` } };
}
