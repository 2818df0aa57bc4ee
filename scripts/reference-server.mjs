// Runs the built reference server.
//   node scripts/reference-server.mjs [--port 3901] [--memory | --data DIR] [--static DIR] [--cors ORIGIN] [--app FILE]
// --app: a module with any of `commands`, `validate` and `seed`, `{ [type]: () => rows }`.
// DATABASE_URL uses PostgreSQL; otherwise PGlite in .data/pglite, or in memory.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { serve, upgradeWebSocket } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { WebSocketServer } from 'ws';
import { createSyncServer, databaseFromEnv, pgliteDatabase, pokeSocketServer } from '../dist/server.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: process.env.PORT ?? '3901' },
    memory: { type: 'boolean', default: false },
    data: { type: 'string', default: '.data/pglite' },
    static: { type: 'string' },
    cors: { type: 'string' },
    app: { type: 'string' },
  },
});

const { commands, validate, seed = {} } = values.app ? await import(pathToFileURL(resolve(values.app))) : {};

const database = values.memory ? pgliteDatabase() : databaseFromEnv(process.env, values.data);
const sync = createSyncServer({
  database,
  logger: console,
  upgradeWebSocket,
  ...(commands && { commands }),
  ...(validate && { validate }),
  ...(values.cors && { cors: { origin: values.cors } }),
});

const app = new Hono();
app.all('/sync/*', (c) => sync.fetch(c.req.raw, c.env));
if (values.static) {
  app.use('/*', serveStatic({ root: values.static }));
  app.get('/*', serveStatic({ root: values.static, path: 'index.html' })); // an app with routes of its own
}

await sync.ready;
for (const [type, rows] of Object.entries(seed)) {
  const count = await sync.seed(type, rows());
  if (count > 0) console.log(`seeded ${count} ${type}`);
}
const server = serve(
  {
    fetch: app.fetch,
    port: Number(values.port),
    hostname: '127.0.0.1',
    websocket: { server: new WebSocketServer(pokeSocketServer) },
  },
  ({ port }) => {
    console.log(`listening http://127.0.0.1:${port}`);
  },
);

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  await sync.close();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  await database.close();
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
