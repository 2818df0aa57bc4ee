// Runs the built reference server.
//   node scripts/reference-server.mjs [--port 3901] [--memory | --data DIR] [--static DIR] [--cors ORIGIN]
// DATABASE_URL uses PostgreSQL; otherwise PGlite in .data/pglite, or in memory.
import { parseArgs } from 'node:util';
import { serve } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { createSyncServer, databaseFromEnv, pgliteDatabase } from '../dist/server.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: process.env.PORT ?? '3901' },
    memory: { type: 'boolean', default: false },
    data: { type: 'string', default: '.data/pglite' },
    static: { type: 'string' },
    cors: { type: 'string' },
  },
});

const database = values.memory ? pgliteDatabase() : databaseFromEnv(process.env, values.data);
const sync = createSyncServer({
  database,
  logger: console,
  ...(values.cors && { cors: { origin: values.cors } }),
});

const app = new Hono();
app.all('/sync/*', (c) => sync.fetch(c.req.raw));
if (values.static) {
  app.use('/*', serveStatic({ root: values.static }));
  app.get('/*', serveStatic({ root: values.static, path: 'index.html' })); // an app with routes of its own
}

await sync.ready;
const server = serve({ fetch: app.fetch, port: Number(values.port), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`listening http://127.0.0.1:${port}`);
});

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
