// One instance of the server, a process of its own: says its port, ends when its parent does.
import { serve } from '@hono/node-server';
import { builtServer } from '../buildServer.mjs';

const { createSyncServer, postgresDatabase } = await builtServer();
const [connectionString, maxConnections, scopes] = process.argv.slice(2);
const database = postgresDatabase({ connectionString, maxConnections: Number(maxConnections) });
const server = createSyncServer({
  database,
  ...(scopes === 'many' && { scopeOf: (_type, id) => `main-${id.split('-')[0]}` }),
});
await server.ready;
const http = serve(
  { fetch: (request) => server.fetch(request), port: 0, hostname: '127.0.0.1' },
  ({ port }) => process.send({ port }),
);
process.on('message', async (message) => {
  if (message === 'cpu') return process.send({ cpu: process.cpuUsage() });
  await server.close();
  http.closeAllConnections();
  await database.close();
  process.exit(0);
});
process.on('disconnect', () => process.exit(1));
