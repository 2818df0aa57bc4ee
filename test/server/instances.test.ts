import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { natsChangeBus } from '../../src/nats.js';
import type { ChangeBus } from '../../src/server/changeBus.js';
import { silentChangeBus } from '../../src/server/silentChangeBus.js';
import { findNats, startNats, type NatsServer } from '../../scripts/nats.mjs';
import { databases, openServer, openStream, pokedTo, type TestDatabase, type TestServer } from './harness.js';

let running: TestDatabase;
beforeAll(async () => {
  running = await databases[1].start();
});
afterAll(() => running.stop());

/** Instances of one server, each with connections of its own, that hear of each other by the bus alone. */
async function fleet(size: number, busOf?: () => Promise<ChangeBus>): Promise<readonly TestServer[]> {
  const scope = `fleet${Math.random()}`;
  const instances: TestServer[] = [];
  for (let i = 0; i < size; i++) {
    const changeBus = await busOf?.();
    instances.push(
      openServer({ database: running.another(), pollMs: Infinity, ...(changeBus && { changeBus }) }, scope),
    );
  }
  onTestFinished(async () => {
    await Promise.all(instances.map((sync) => sync.close()));
  });
  return instances;
}

/** Every instance writes; every subscriber of every instance is poked to it. */
async function everyoneWakesEveryone(instances: readonly TestServer[]): Promise<void> {
  const streams = await Promise.all(instances.map((sync) => openStream(sync)));
  for (const writer of instances) {
    const { cursor } = await writer.push([writer.ops.insert(`of ${writer.type}`, {})]);
    await Promise.all(streams.map((events) => pokedTo(events, cursor)));
  }
  await Promise.all(streams.map((events) => events.cancel()));
}

test.each([2, 3])('SV2 %i instances wake each other by LISTEN and NOTIFY, without a poll', async (size) => {
  await everyoneWakesEveryone(await fleet(size));
});

test('SV2 a long poll on one instance is answered by a write on another', async () => {
  const [one, two] = await fleet(2);
  const polling = two!.request('changes?wait=30');
  const { cursor } = await one!.push([one!.ops.insert('a', {})]);
  expect(await (await polling).json()).toMatchObject({ cursor, changes: [{ id: 'a' }] });
});

test('SV2 without any bus the poll finds what another instance wrote', async () => {
  const one = openServer({ database: running.another(), changeBus: silentChangeBus(), pollMs: 10 });
  const two = openServer(
    { database: running.another(), changeBus: silentChangeBus(), pollMs: 10 },
    one.scope,
  );
  const events = await openStream(two);
  const { cursor } = await one.push([one.ops.insert('a', {})]);
  await pokedTo(events, cursor);
  await events.cancel();
  await Promise.all([one.close(), two.close()]);
});

test('SV2 a bus that cannot be reached holds up neither writers nor the subscribers of the same instance', async () => {
  const said: string[] = [];
  const sync = openServer({
    database: running.another(),
    pollMs: Infinity,
    changeBus: {
      publish: () => Promise.reject(new Error('no bus')),
      subscribe: () => new Promise(() => undefined), // never comes
    },
    logger: { warn: (message) => said.push(message), error: (message) => said.push(message) },
  });
  const events = await openStream(sync);
  for (const id of ['a', 'b', 'c']) {
    const { cursor } = await sync.push([sync.ops.insert(id, {})]);
    await pokedTo(events, cursor);
  }
  expect(said).toContain('The change bus cannot be reached.');
  await events.cancel();
  await sync.close();
});

const nats = findNats();
// Skipped only where there is no nats-server and none could be installed (scripts/ensure-nats.mjs says why).
describe.skipIf(nats === undefined)('over NATS', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNats();
  });
  afterAll(() => server.stop());

  const overNats = async (): Promise<ChangeBus> => {
    const connection = await connect({
      servers: server.url,
      reconnectTimeWait: 50,
      maxReconnectAttempts: -1,
    });
    onTestFinished(() => connection.close());
    return natsChangeBus({ connection });
  };

  test('SV2 three instances wake each other', async () => {
    await everyoneWakesEveryone(await fleet(3, overNats));
  });

  test('SV2 what was missed while NATS was away is found when it is back', async () => {
    const [one, two] = await fleet(2, overNats);
    const events = await openStream(two!);
    await pokedTo(events, (await one!.push([one!.ops.insert('before', {})])).cursor);
    await server.stop();
    const { cursor } = await one!.push([one!.ops.insert('meanwhile', {})]); // must not fail
    server = await startNats({ port: server.port });
    await pokedTo(events, cursor);
    await pokedTo(events, (await one!.push([one!.ops.insert('after', {})])).cursor);
    await events.cancel();
  });

  test('SV2 a message of somebody else makes everybody look, and breaks nothing', async () => {
    const [one, two] = await fleet(2, overNats);
    const events = await openStream(two!);
    const stranger = await connect({ servers: server.url });
    for (const text of ['', '{', '{"scope":1}', '[1]', 'null', `["${'x'.repeat(100_000)}"]`])
      stranger.publish('holdfast.change', text);
    await stranger.close();
    await pokedTo(events, (await one!.push([one!.ops.insert('a', {})])).cursor);
    await events.cancel();
  });

  test('SV2 more scopes than fit one message are told in several', async () => {
    const heard: string[] = [];
    const bus = await overNats();
    const end = await bus.subscribe({
      onChange: (scopes) => heard.push(...scopes),
      onReconnect: () => heard.push('reconnect'),
    });
    const scopes = Array.from({ length: 1201 }, (_, i) => `scope ${i} ${'é'.repeat(200)}`);
    await bus.publish(scopes);
    await expect.poll(() => heard.length).toBe(1201);
    expect(heard).toEqual(scopes);
    await end();
  });
});
