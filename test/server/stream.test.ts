import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pokeStream } from '../../src/server/pokeStream.js';
import { databases, openServer, type TestDatabase, type TestServer } from './harness.js';

/** Reads server-sent events one by one. */
function eventsOf(body: ReadableStream<Uint8Array>): {
  next(): Promise<string | undefined>;
  cancel(): Promise<void>;
} {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = '';
  return {
    async next() {
      for (;;) {
        const end = buffer.indexOf('\n\n');
        if (end >= 0) {
          const event = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          return event;
        }
        const { done, value } = await reader.read();
        if (done) return undefined;
        buffer += decoder.decode(value, { stream: true });
      }
    },
    cancel: () => reader.cancel(),
  };
}

const open = async (sync: TestServer): Promise<ReturnType<typeof eventsOf>> => {
  const response = await sync.request('stream');
  expect(response.headers.get('Content-Type')).toBe('text/event-stream');
  return eventsOf(response.body!);
};

/** Reads pokes until one has this cursor. */
async function pokedTo(events: ReturnType<typeof eventsOf>, cursor: string | undefined): Promise<void> {
  for (let event = await events.next(); event !== undefined; event = await events.next())
    if (event === `event: poke\nid: ${cursor}\ndata: {}`) return;
  throw new Error(`The stream ended before ${cursor}`);
}

describe.each(databases)('stream on $name', ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  test('pokes at once with the present cursor, then at every change, and ends with the server', async () => {
    const sync = openServer(running);
    const before = await sync.push([sync.ops.insert('a', {})]);
    const events = await open(sync);
    expect(await events.next()).toBe(`event: poke\nid: ${before.cursor}\ndata: {}`);
    const after = await sync.push([sync.ops.update('a', {})]);
    await pokedTo(events, after.cursor);
    await sync.close();
    expect(await events.next()).toBeUndefined();
  });

  test('SV2 a change wakes the subscribers of another instance', async () => {
    const one = openServer(running);
    const two = openServer({ database: running.another() }, one.scope);
    const events = await open(two);
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
