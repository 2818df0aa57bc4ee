import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { serve, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server';
import { connect } from '@nats-io/transport-node';
import { afterAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { natsChangeBus } from '../../src/nats.js';
import { createSyncServer, pokeSocketServer, postgresDatabase, type SyncServer } from '../../src/server.js';
import { findNats, startNats } from '../../scripts/nats.mjs';
import { startPostgres } from '../../scripts/pg.mjs';

const cluster = await startPostgres();
const nats = findNats() === undefined ? undefined : await startNats();
const env = { DATABASE_URL: cluster.url, PORT: '0', NATS_URL: nats?.url ?? '' };
const sessions = {
  find: async (header: string | null) =>
    header === 'Bearer s3cret' ? { user: 'ada', company: 'acme', role: 'editor' } : undefined,
};

// example
const database = postgresDatabase({ connectionString: env.DATABASE_URL, maxConnections: 20 });

const sync = createSyncServer({
  database,
  async authenticate(request) {
    const session = await sessions.find(request.headers.get('Authorization'));
    return session && { subject: session.user, tenant: session.company };
  },
  authorize: (change) => change.kind !== 'command' && change.type !== 'invoice',
  scopeOf: (type) => (type === 'log' ? 'log' : 'main'),
  collectEveryMs: 3_600_000,
  limits: { maxRequests: 200 },
  upgradeWebSocket,
  logger: console,
});

const http = serve({
  fetch: (request, env) => sync.fetch(request, env),
  port: Number(env.PORT),
  websocket: { server: new WebSocketServer(pokeSocketServer) as WebSocketServerLike },
});

async function stop(): Promise<void> {
  await sync.close(); // ends streams and sockets, waits for requests under way
  http.close();
  await database.close();
}
process.once('SIGTERM', () => void stop());
// end

// nats
async function startInstance(): Promise<SyncServer> {
  const connection = await connect({ servers: env.NATS_URL, maxReconnectAttempts: -1 });
  return createSyncServer({ database, changeBus: natsChangeBus({ connection }) });
}
// end

afterAll(async () => {
  process.removeAllListeners('SIGTERM');
  await stop();
  await cluster.stop();
  await nats?.stop();
});

test.each(['example', 'nats'])('the %s in docs/server.md is in this file', (name) => {
  const own = readFileSync(import.meta.filename, 'utf8');
  const begin = own.indexOf(`// ${name}\n`) + `// ${name}\n`.length;
  const guide = readFileSync(`${import.meta.dirname}/../../docs/server.md`, 'utf8');
  expect(guide).toContain(own.slice(begin, own.indexOf('// end\n', begin)));
});

test('SV3 the server of docs/server.md does what the guide says', async () => {
  if (!http.listening) await new Promise((resolve) => http.once('listening', resolve));
  const { port } = http.address() as AddressInfo;
  const headers = { Authorization: 'Bearer s3cret', 'Content-Type': 'application/json' };
  const url = `http://127.0.0.1:${port}/sync`;
  expect((await fetch(`${url}/changes`)).status).toBe(401);
  const body = JSON.stringify({
    client: 'c1',
    ops: [
      { op: '1', rev: 0, kind: 'insert', type: 'todo', id: 't1', data: { title: 'Milk' } },
      { op: '2', rev: 0, kind: 'insert', type: 'invoice', id: 'i1', data: {} },
    ],
  });
  const pushed = (await (await fetch(`${url}/ops`, { method: 'POST', headers, body })).json()) as {
    results: { status: number }[];
    cursor: string;
  };
  expect(pushed.results.map(({ status }) => status)).toEqual([200, 403]);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/sync/stream`, { headers });
  const poke = await new Promise((resolve) =>
    socket.once('message', (data) => resolve((data as Buffer).toString())),
  );
  expect(poke).toBe(JSON.stringify({ event: 'poke', id: pushed.cursor }));
  expect(await sync.collect()).toEqual({ changes: 0, ops: 0 });
  socket.close();
});

test.skipIf(nats === undefined)(
  'SV2 the instance of docs/server.md hears of the others through NATS',
  async () => {
    const [one, two] = await Promise.all([startInstance(), startInstance()]);
    const polling = two.fetch(new Request('http://server.test/sync/changes?wait=30'));
    await one.seed('todo', [{ id: 'a', data: {} }]);
    expect(await (await polling).json()).toMatchObject({ changes: [{ id: 'a' }] });
    await Promise.all([one.close(), two.close()]);
  },
);
