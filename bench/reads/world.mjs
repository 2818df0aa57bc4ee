// A real PostgreSQL with the rows, the reference server over it, and the built page.
import { join, relative } from 'node:path';
import { serve, upgradeWebSocket } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { WebSocketServer } from 'ws';
import { startPostgres } from '../../scripts/pg.mjs';
import { buildServer } from '../buildServer.mjs';
import { buildPage, OUT } from '../servePage.mjs';

const task = (n) => ({
  id: `task-${n}`,
  title: `Inspect the runway lights of section ${n}`,
  done: n % 3 === 0,
  position: n,
  assignee: `user-${n % 40}`,
  note: 'Seen twice this week; the cable of the last one is worn and has to be replaced before winter.',
});

export async function openWorld(count, { readable }) {
  await buildPage('reads', join(import.meta.dirname, 'page'), { readable });
  const { createSyncServer, pokeSocketServer, postgresDatabase } = await buildServer();
  const cluster = await startPostgres();
  const database = postgresDatabase({ connectionString: cluster.url });
  const sync = createSyncServer({ database, upgradeWebSocket });
  await sync.ready;
  await sync.seed(
    'tasks',
    Array.from({ length: count }, (_, n) => ({ id: `task-${n}`, data: task(n) })),
  );
  await database.query('ANALYZE'); // as autovacuum does a little later
  let requests = 0;
  let sent = 0;
  const app = new Hono();
  app.all('/sync/*', async (c) => {
    requests++;
    const response = await sync.fetch(c.req.raw, c.env);
    if (!response.headers.get('content-type')?.includes('json')) return response;
    const body = await response.arrayBuffer();
    sent += body.byteLength;
    return new Response(body, response);
  });
  app.use('/*', serveStatic({ root: relative(process.cwd(), OUT) }));
  const server = await new Promise((resolve) => {
    const one = serve(
      {
        fetch: app.fetch,
        port: 0,
        hostname: '127.0.0.1',
        websocket: { server: new WebSocketServer(pokeSocketServer) },
      },
      () => resolve(one),
    );
  });
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    page: `${url}/reads/`,
    requests: () => requests,
    sent: () => sent,
    /** Somebody else changes these rows. */
    async edit(rows) {
      for (let from = 0; from < rows.length; from += 100) {
        const ops = rows.slice(from, from + 100).map((n) => ({
          op: `other-${n}`,
          rev: 0,
          kind: 'update',
          type: 'tasks',
          id: `task-${n}`,
          patch: { title: `Changed meanwhile: section ${n}` },
        }));
        const response = await sync.fetch(
          new Request(`${url}/sync/ops`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ client: 'other', ops }),
          }),
        );
        const { results } = await response.json();
        if (results.some(({ status }) => status !== 200)) throw new Error('bench: an edit was refused');
      }
    },
    async close() {
      await sync.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await database.close();
      await cluster.stop();
    },
  };
}
