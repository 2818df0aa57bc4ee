import { dexieStorage, memoryStorage, type Clock, type SyncStorage } from '../../src/index.js';
import { createScriptedServer } from '../../src/testing.js';
import { messages, type Message } from '../talk/messages.js';
import { createDevice, forgetDevice, PEOPLE, type Device } from './devices.js';
import { forgetServer, rememberedServer } from './rememberedServer.js';

/** Two people who write to each other over a server in the page. The first one's device and the server survive a reload. */
export interface Talk {
  readonly writer: Device;
  readonly reader: Device;
  readonly space: string;
}

export interface TalkOptions {
  /** Begins the names of all that is stored. */
  readonly space: string;
  /** The writer's. @default Dexie's */
  readonly storage?: SyncStorage;
  /** @default the system's */
  readonly clock?: Clock;
}

const FIRST: Message = {
  id: 'first',
  text: 'Runway 11 is yours until noon. Anything to report?',
  author: PEOPLE[1].owner,
  writtenAt: Date.UTC(2026, 10, 20, 8, 30),
};

export async function openTalk({ space, storage = dexieStorage(), clock }: TalkOptions): Promise<Talk> {
  const inPage = createScriptedServer();
  inPage.put(messages.name, FIRST.id, FIRST);
  const server = rememberedServer(inPage, serverKey(space));
  const shared = {
    space,
    transport: server,
    realtime: server.changes,
    collections: [messages],
    mutations: [],
    ...(clock !== undefined && { clock }),
  };
  const talk = {
    writer: createDevice(PEOPLE[0], { ...shared, storage }),
    reader: createDevice(PEOPLE[1], { ...shared, storage: memoryStorage(), remembers: false }),
    space,
  };
  await Promise.all([talk.writer.client.ready, talk.reader.client.ready]);
  return talk;
}

export async function closeTalk({ writer, reader }: Talk): Promise<void> {
  await Promise.all([writer.client.dispose(), reader.client.dispose()]);
}

/** Closes it and forgets all that was stored in Dexie's storage and by the server. */
export async function clearTalk(talk: Talk): Promise<void> {
  await closeTalk(talk);
  await forgetDevice(talk.writer);
  forgetServer(serverKey(talk.space));
}

const serverKey = (space: string): string => `${space}-server`;
