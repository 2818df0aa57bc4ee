import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server';
import { afterAll, afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { pgliteDatabase } from '../../src/server/pgliteDatabase.js';
import { pokeSocket, pokeSocketServer } from '../../src/server/pokeSocket.js';
import { silentLogger } from '../../src/server/logger.js';
import type { SyncServerOptions } from '../../src/server/syncServer.js';
import { openServer, type TestServer } from './harness.js';

const database = pgliteDatabase();
afterAll(() => database.close());

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

interface Served {
  readonly sync: TestServer;
  /** `ws://…/sync/stream?scope=…` */
  readonly url: string;
}

/** A server on a port, as an app would run it. */
async function listen(options: Partial<SyncServerOptions> = {}): Promise<Served> {
  const sync = openServer({ database, upgradeWebSocket, ...options });
  const http = await new Promise<Server>((resolve) => {
    const started = serve(
      {
        fetch: (request, env) => sync.server.fetch(request, env),
        port: 0,
        hostname: '127.0.0.1',
        // a cast only under exactOptionalPropertyTypes: the types of ws say "undefined", where there may be nothing
        websocket: { server: new WebSocketServer(pokeSocketServer) as WebSocketServerLike },
      },
      () => resolve(started as Server),
    );
  });
  closings.push(async () => {
    await sync.close();
    await new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    });
  });
  const { port } = http.address() as AddressInfo;
  return { sync, url: `ws://127.0.0.1:${port}/sync/stream?scope=${sync.scope}` };
}

/** A client that remembers what it was sent. */
function open(url: string, options?: WebSocket.ClientOptions) {
  const socket = new WebSocket(url, options);
  const messages: { event: string; id?: string }[] = [];
  let wake = (): void => undefined;
  socket.on('message', (data) => {
    messages.push(JSON.parse((data as Buffer).toString('utf8')) as (typeof messages)[number]);
    wake();
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  const refused = new Promise<number | undefined>((resolve) => {
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode);
      socket.terminate();
    });
    socket.on('error', () => undefined);
  });
  closings.push(async () => socket.terminate());
  return {
    socket,
    messages,
    closed,
    refused,
    async until(found: (message: (typeof messages)[number]) => boolean): Promise<void> {
      while (!messages.some(found)) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

test('RL1 a socket pokes at once with the present cursor, then at every change, and ends with the server', async () => {
  const { sync, url } = await listen();
  const before = await sync.push([sync.ops.insert('a', {})]);
  const client = open(url);
  await client.until(({ id }) => id === before.cursor);
  const after = await sync.push([sync.ops.update('a', {})]);
  await client.until(({ id }) => id === after.cursor);
  expect(client.messages.every(({ event }) => event === 'poke')).toBe(true);
  await sync.close();
  expect(await client.closed).toBe(1001);
});

test('RL1 a socket needs what a stream needs: subject, scope, a known origin', async () => {
  const { url } = await listen({
    authenticate: (request) =>
      request.headers.get('Cookie') === 'session=ada' ? { subject: 'ada' } : undefined,
    authorizeScope: (scope) => scope.startsWith('scope'),
    cors: { origin: 'https://app.test' },
  });
  const cookie = { headers: { Cookie: 'session=ada' } };
  expect(await open(url).refused).toBe(401);
  expect(await open(url.replace(/scope=.*/, 'scope=other'), cookie).refused).toBe(403);
  expect(await open(url, { ...cookie, origin: 'https://evil.test' }).refused).toBe(403);
  expect(await open(url, { ...cookie, origin: 'null' }).refused).toBe(403);
  for (const origin of ['https://app.test', `https://${new URL(url).host}`, undefined])
    await open(url, { ...cookie, ...(origin && { origin }) }).until(({ event }) => event === 'poke');
});

test('RL1 a server without WebSocket says so', async () => {
  const sync = openServer({ database });
  const response = await sync.request('stream', { headers: { Upgrade: 'websocket' } });
  expect([response.status, await response.json()]).toMatchObject([
    501,
    { type: 'urn:holdfast:problem:no-websocket' },
  ]);
  await sync.close();
});

test('RL1 a message of 10 MB closes its sender with 1009, and nothing is lost', async () => {
  const { sync, url } = await listen();
  const [sender, other] = [open(url), open(url)];
  await Promise.all([sender, other].map((client) => client.until(({ event }) => event === 'poke')));
  sender.socket.send(Buffer.alloc(10 * 1024 * 1024));
  const pushing = sync.push([sync.ops.insert('a', {})]);
  expect(await sender.closed).toBe(1009);
  const { results, cursor } = await pushing;
  expect(results).toMatchObject([{ status: 200 }]);
  await other.until(({ id }) => id === cursor);
  await open(url).until(({ id }) => id === cursor); // the sender comes back
});

test('RL1 a client that does not stop talking is cut off', async () => {
  const { url } = await listen();
  const client = open(url);
  await client.until(({ event }) => event === 'poke');
  for (let i = 0; i < 200; i++) client.socket.send('{}');
  expect(await client.closed).toBe(1008);
});

test('RL1 a socket beats, and ends when its client answers no ping', async () => {
  const { url } = await listen({ heartbeatMs: 30 });
  const [alive, dead] = [open(url), open(url, { autoPong: false })];
  expect(await dead.closed).toBe(1006); // cut, not closed
  await alive.until(({ event }) => event === 'heartbeat');
  expect(alive.socket.readyState).toBe(WebSocket.OPEN);
});

test('RL1 a slow reader gets fewer pokes, not a longer queue, and is cut off when it does not read for a beat', async () => {
  const sent: string[] = [];
  const raw = {
    bufferedAmount: 0,
    terminated: false,
    terminate() {
      raw.terminated = true;
    },
  };
  const ws = { raw, send: (text: string) => sent.push(text), close: () => undefined };
  let ring = (): void => undefined;
  let seq = 0;
  const ended: string[] = [];
  const closing = new AbortController();
  const events = pokeSocket({
    subscribe: async (onChange) => {
      ring = onChange;
      return () => ended.push('unsubscribed');
    },
    cursor: async () => `e1.${seq}`,
    closing: closing.signal,
    heartbeatMs: 40,
    logger: silentLogger,
    onGone: () => ended.push('gone'),
  });
  events.onOpen?.(new Event('open'), ws as never);
  await expect.poll(() => sent[0]).toBe('{"event":"poke","id":"e1.0"}');
  raw.bufferedAmount = 1e6;
  for (seq = 1; seq < 50; seq++) {
    ring();
    await Promise.resolve();
  }
  await expect.poll(() => raw.terminated).toBe(true);
  expect(sent.filter((text) => text.includes('poke'))).toHaveLength(1);
  await expect.poll(() => ended).toEqual(['unsubscribed', 'gone']);
});
