import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pokeStream } from '../../src/server/pokeStream.js';
import { databases, eventsOf, openServer, openStream, pokedTo, type TestDatabase } from './harness.js';

describe.each(databases)('stream on $name', ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  test('pokes at once with the present cursor, then at every change, and ends with the server', async () => {
    const sync = openServer(running);
    const before = await sync.push([sync.ops.insert('a', {})]);
    const events = await openStream(sync);
    expect(await events.next()).toBe(`event: poke\nid: ${before.cursor}\ndata: {}`);
    const after = await sync.push([sync.ops.update('a', {})]);
    await pokedTo(events, after.cursor);
    await sync.close();
    expect(await events.next()).toBeUndefined();
  });

  test('SV2 a change wakes the subscribers of another instance', async () => {
    const one = openServer(running);
    const two = openServer({ database: running.another() }, one.scope);
    const events = await openStream(two);
    await events.next();
    const first = await one.push([one.ops.insert('a', {})]);
    await pokedTo(events, first.cursor);
    const second = await one.push([one.ops.update('a', {})]);
    await pokedTo(events, second.cursor);
    await events.cancel();
    await Promise.all([one.close(), two.close()]);
  });
});

test('a stream unsubscribes when its reader or its request goes away, and beats meanwhile', async () => {
  const heard: string[] = [];
  const request = new AbortController();
  const openOne = (name: string, signals: readonly AbortSignal[]) =>
    eventsOf(
      pokeStream({
        subscribe: async () => () => heard.push(`${name} left`),
        cursor: async () => 'e1.7',
        signals,
        heartbeatMs: 1,
      }),
    );
  const one = openOne('one', []);
  const two = openOne('two', [request.signal]);
  expect(await one.next()).toContain('e1.7');
  expect(await one.next()).toBe(': heartbeat');
  expect(await two.next()).toContain('e1.7');
  await one.cancel();
  request.abort();
  while ((await two.next()) !== undefined);
  expect(heard).toEqual(['one left', 'two left']);
});
