// What reading costs, in real Chromium against the reference server on PostgreSQL: a first pull of 100,000 rows against
// the floor of fetch + bulkPut, a delta against a full pull, how soon an edit is seen on another device, idle requests.
//   npm run bench:reads   [-- --rows <n> --rounds <n> --only <text>]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import react from '@vitejs/plugin-react';
import { serve, upgradeWebSocket } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { chromium } from 'playwright';
import { build } from 'vite';
import { WebSocketServer } from 'ws';
import { chromeLaunchOptions } from '../../scripts/chrome.mjs';
import { startPostgres } from '../../scripts/pg.mjs';
import { buildServer } from '../buildServer.mjs';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
});
const ROWS = Number(options.rows);
const rounds = Number(options.rounds);
const OUT = '.cache/bench-reads';
const SPEED = 100; // of the clock of idle clients

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
/** Microseconds of the processor: others use it, too. */
const busy = ({ tdur, dur = 0 }) => tdur ?? dur;
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
const task = (n) => ({
  id: `task-${n}`,
  title: `Inspect the runway lights of section ${n}`,
  done: n % 3 === 0,
  position: n,
  assignee: `user-${n % 40}`,
  note: 'Seen twice this week; the cable of the last one is worn and has to be replaced before winter.',
});

await buildPage();
const world = await openWorld();
try {
  if ('first pull'.startsWith(options.only)) await firstPull();
  if ('delta'.includes(options.only)) await delta();
  if ('device'.includes(options.only)) await otherDevice();
  if ('idle'.includes(options.only)) await idle();
} finally {
  await world.close();
}

async function firstPull() {
  const floors = [];
  const pulls = [];
  for (let round = 0; round < rounds; round++) {
    floors.push(
      await measured((page) => page.evaluate((name) => reads.floor(name, 1_000), `floor-${round}`)),
    );
    pulls.push(
      await measured(async (page) => {
        const ms = await page.evaluate((name) => reads.pull({ name }), `pull-${round}`);
        const [count, shown] = await page.evaluate(() => [reads.count(), reads.shown()]);
        if (count !== ROWS) throw new Error(`bench: ${count} of ${ROWS} rows are there`);
        if (shown.length < 10) throw new Error(`bench: progress was shown ${shown.length} times`);
        return ms;
      }),
    );
  }
  const line = (name, runs) =>
    `${name.padEnd(22)} ${median(runs.map(({ ms }) => ms)).toFixed(0)} ms, longest task ` +
    `${median(runs.map(({ longest }) => longest)).toFixed(0)} ms (${runs.map(({ longest }) => longest.toFixed(0)).join(', ')}), ` +
    `peak heap ${mib(median(runs.map(({ peak }) => peak)))}`;
  console.log(`First pull of ${ROWS} rows, into an empty profile (median of ${rounds})`);
  console.log(line('  fetch + bulkPut', floors));
  console.log(line('  client, with its UI', pulls));
  const ratios = pulls.map(({ ms }, i) => ms / floors[i].ms);
  console.log(
    `  × ${median(ratios).toFixed(2)} of the floor (${ratios.map((r) => r.toFixed(2)).join(', ')})`,
  );
}

async function delta() {
  await world.inBrowser(async (page) => {
    const bytes = async (work) => {
      const before = world.sent();
      await work();
      return world.sent() - before;
    };
    const first = await bytes(() => page.evaluate(() => reads.pull({ name: 'delta' })));
    const changed = ROWS / 100;
    await world.edit(Array.from({ length: changed }, (_, i) => i * 100));
    const some = await bytes(() => page.evaluate(() => reads.sync()));
    const full = await bytes(() => page.evaluate(() => reads.full()));
    console.log(`Delta after ${changed} of ${ROWS} rows changed: ${mib(some)}; a full pull: ${mib(full)}`);
    console.log(`  ${((some / full) * 100).toFixed(2)} % (first pull: ${mib(first)})`);
  });
}

async function otherDevice() {
  await world.inBrowser((one) =>
    world.inBrowser(async (other) => {
      for (const page of [one, other])
        await page.evaluate(() => reads.pull({ name: 'device', realtime: true }));
      const trip = await one.evaluate(() => reads.roundTrip());
      const times = [];
      for (let i = 0; i < 30; i++) {
        const id = `task-${i}`;
        const title = `edited ${i} at ${Date.now()}`;
        const seen = other.evaluate(([a, b]) => reads.seen(a, b), [id, title]);
        await other.evaluate(() => 0); // it listens
        const at = await one.evaluate(([a, b]) => reads.edit(a, b), [id, title]);
        times.push((await seen) - at);
      }
      console.log(
        `An edit is seen on the other device after ${median(times).toFixed(1)} ms (worst of ${times.length}: ` +
          `${Math.max(...times).toFixed(1)}); push, poke and pull are three ways of ${trip.toFixed(1)} ms each`,
      );
    }),
  );
}

async function idle() {
  for (const realtime of [false, true])
    await world.inBrowser(async (page) => {
      await page.evaluate(
        ([live, speed]) => reads.pull({ name: 'idle', realtime: live, speed }),
        [realtime, SPEED],
      );
      await page.waitForTimeout(1_000); // what follows the start
      const before = world.requests();
      const minutes = 20;
      await page.waitForTimeout((minutes * 60_000) / SPEED);
      const perMinute = (world.requests() - before) / minutes;
      console.log(
        `Idle ${realtime ? 'with a WebSocket' : 'without realtime'}: ${perMinute.toFixed(2)} requests a minute`,
      );
    });
}

/** Runs `work` in an empty profile, twice: its tasks are traced once, its heap is sampled the other time. */
async function measured(work) {
  const timed = await world.inBrowser((page, session) => traced(session, () => work(page)));
  const peak = await world.inBrowser((page, session) => peakOf(session, () => work(page)));
  return { ms: timed.value, longest: timed.longest, peak };
}

async function traced(session, work) {
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', '__metadata', 'disabled-by-default-devtools.timeline'] },
  });
  const value = await work();
  const events = [];
  session.on('Tracing.dataCollected', ({ value: some }) => events.push(...some));
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  const mains = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  const tasks = events.filter(
    ({ name, ph, pid, tid }) => ph === 'X' && name === 'RunTask' && mains.has(`${pid}/${tid}`),
  );
  if (tasks.length === 0) throw new Error('bench: the trace has no task of a main thread');
  const longest = Math.max(...tasks.map(busy));
  if (process.env.HOLDFAST_TASKS) explain(events, tasks);
  return { value, longest: longest / 1e3 };
}

/** What the longest tasks were busy with. */
function explain(events, tasks) {
  for (const { ts, dur, tdur, pid, tid } of [...tasks].sort((a, b) => busy(b) - busy(a)).slice(0, 8)) {
    const inside = events.filter(
      (e) => e.ph === 'X' && e.pid === pid && e.tid === tid && e.ts >= ts && e.ts + (e.dur ?? 0) <= ts + dur,
    );
    const big = inside.filter((e) => e.name !== 'RunTask' && (e.dur ?? 0) > dur / 6);
    console.log(
      `   ${(dur / 1e3).toFixed(1)} ms (${(busy({ tdur, dur }) / 1e3).toFixed(1)} busy) at ${((ts - tasks[0].ts) / 1e3).toFixed(0)}: ${big.map((e) => `${e.name} ${(e.dur / 1e3).toFixed(1)}`).join(', ')}`,
    );
  }
}

async function peakOf(session, work) {
  let peak = 0;
  let over = false;
  const sampling = (async () => {
    while (!over) {
      const { usedSize } = await session.send('Runtime.getHeapUsage');
      peak = Math.max(peak, usedSize);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  })();
  await work();
  over = true;
  await sampling;
  return peak;
}

async function buildPage() {
  process.env.NODE_ENV = 'production';
  await build({
    root: join(import.meta.dirname, 'page'),
    configFile: false,
    logLevel: 'error',
    mode: 'production',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [react()],
    build: {
      outDir: join(import.meta.dirname, '../..', OUT),
      emptyOutDir: true,
      minify: !process.env.HOLDFAST_TASKS,
      chunkSizeWarningLimit: Infinity,
    },
  });
}

/** A real PostgreSQL with the rows, the server over it, and browsers with profiles of their own. */
async function openWorld() {
  const { createSyncServer, pokeSocketServer, postgresDatabase } = await buildServer();
  const cluster = await startPostgres();
  const database = postgresDatabase({ connectionString: cluster.url });
  const sync = createSyncServer({ database, upgradeWebSocket });
  await sync.ready;
  await sync.seed(
    'tasks',
    Array.from({ length: ROWS }, (_, n) => ({ id: `task-${n}`, data: task(n) })),
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
  app.use('/*', serveStatic({ root: OUT }));
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
    async inBrowser(work) {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-reads-'));
      const context = await chromium.launchPersistentContext(folder, chromeLaunchOptions());
      try {
        const page = context.pages()[0] ?? (await context.newPage());
        await page.goto(`${url}/index.html`);
        await page.waitForFunction(() => globalThis.reads !== undefined);
        return await work(page, await context.newCDPSession(page));
      } finally {
        await context.close();
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
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
