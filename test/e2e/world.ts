import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { chromium, type BrowserContext, type Page } from 'playwright';
import { chromeLaunchOptions } from '../../scripts/chrome.mjs';
import { startPostgres, type PostgresCluster } from '../../scripts/pg.mjs';
import { createSyncServer, postgresDatabase } from '../../src/server.js';
import type { eventSourceChanges, SyncClient, webSocketChanges } from '../../src/index.js';
import type { airports, note, visit } from './app/airports.js';
import { startFaultyProxy, type FaultyProxy } from './faultyProxy.js';

/** What the page puts on its global object. */
declare global {
  var app: {
    client: SyncClient;
    airports: typeof airports;
    visit: typeof visit;
    note: typeof note;
    degraded: string[];
    eventSourceChanges: typeof eventSourceChanges;
    webSocketChanges: typeof webSocketChanges;
  };
}

export interface EffectRow {
  readonly seq: number;
  readonly id: string;
  readonly op: string;
  readonly data: Record<string, unknown> | null;
}

/** A real PostgreSQL, a server process, a proxy, and browsers that can be killed. */
export interface World {
  readonly proxy: FaultyProxy;
  /** Every effect the server ever carried out for a client, in order of commit. */
  effects(): Promise<EffectRow[]>;
  row(id: string): Promise<Record<string, unknown> | undefined>;
  killServer(): Promise<void>;
  startServer(): Promise<void>;
  /** A browser on a profile that outlives it. */
  launch(profile: string, script?: string): Promise<Browser>;
  profile(): string;
  close(): Promise<void>;
}

export interface Browser {
  readonly context: BrowserContext;
  readonly page: Page;
  open(query?: string): Promise<void>;
  /** SIGKILL to the browser process: no event, no clean-up. */
  kill(): Promise<void>;
}

export const ROWS = 40;
export const rowId = (n: number): string => `A${String(n).padStart(2, '0')}`;

export async function createWorld(): Promise<World> {
  const cluster: PostgresCluster = await startPostgres();
  const pool = new pg.Pool({ connectionString: cluster.url, max: 2 });
  pool.on('error', () => undefined);
  await seed(cluster.url);
  let server = await spawnServer(cluster.url);
  const proxy = await startFaultyProxy(server.url);
  const profiles: string[] = [];
  const contexts = new Set<BrowserContext>();

  return {
    proxy,
    async effects() {
      const { rows } = await pool.query<{
        seq: string;
        id: string;
        op: string;
        data: Record<string, unknown> | null;
      }>('SELECT seq, id, op, data FROM holdfast.change WHERE op IS NOT NULL ORDER BY seq');
      return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
    },
    async row(id) {
      const { rows } = await pool.query<{ data: Record<string, unknown> }>(
        'SELECT data FROM holdfast.entity WHERE type = $1 AND id = $2',
        ['airports', id],
      );
      return rows[0]?.data;
    },
    async killServer() {
      const gone = new Promise((resolve) => server.process.once('exit', resolve));
      server.process.kill('SIGKILL');
      await gone;
    },
    async startServer() {
      server = await spawnServer(cluster.url);
      proxy.target = server.url;
    },
    profile() {
      const dir = mkdtempSync(join(tmpdir(), 'holdfast-profile-'));
      profiles.push(dir);
      return dir;
    },
    async launch(profile, script) {
      const context = await chromium.launchPersistentContext(profile, {
        ...chromeLaunchOptions(),
        serviceWorkers: 'block',
      });
      contexts.add(context);
      context.once('close', () => contexts.delete(context));
      if (script !== undefined) await context.addInitScript(script);
      const page = context.pages()[0] ?? (await context.newPage());
      return {
        context,
        page,
        async open(query = '') {
          await page.goto(`${proxy.url}/index.html${query}`);
          await page.waitForFunction(() => 'app' in globalThis);
          await page.evaluate(() => app.client.ready);
        },
        async kill() {
          const cdp = await context.browser()?.newBrowserCDPSession();
          const info = await cdp?.send('SystemInfo.getProcessInfo');
          const gone = new Promise((resolve) => context.once('close', resolve));
          const pid = info?.processInfo.find((p) => p.type === 'browser')?.id;
          if (pid === undefined) throw new Error('no browser process to kill');
          process.kill(pid, 'SIGKILL');
          await gone;
        },
      };
    },
    async close() {
      for (const context of contexts) await context.close();
      await proxy.close();
      server.process.kill('SIGKILL');
      await pool.end();
      await cluster.stop();
      for (const dir of profiles) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function seed(url: string): Promise<void> {
  const database = postgresDatabase({ connectionString: url });
  const server = createSyncServer({ database });
  await server.ready;
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    id: rowId(n),
    data: { id: rowId(n), name: `Airport ${n}`, notes: '', visits: 0 },
  }));
  await server.seed('airports', rows);
  await server.close();
  await database.close();
}

async function spawnServer(databaseUrl: string): Promise<{ process: ChildProcess; url: string }> {
  const script = join(import.meta.dirname, '../../scripts/reference-server.mjs');
  const child = spawn(process.execPath, [script, '--port', '0', '--static', '.cache/e2e'], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
      const found = /listening (http:\S+)/.exec(out)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`the server process ended with ${String(code)}: ${out}`)));
  });
  return { process: child, url };
}
