import { postgresDatabase } from '../../src/server/postgresDatabase.js';
import { pgliteDatabase } from '../../src/server/pgliteDatabase.js';
import { createSyncServer } from '../../src/server/createSyncServer.js';
import type { Database } from '../../src/server/database.js';
import type { Entity, FeedPage, PushReply, SnapshotPage } from '../../src/server/protocol.js';
import type { Numbering } from '../../src/server/schema.js';
import type { SyncServer, SyncServerOptions } from '../../src/server/syncServer.js';
import { startPostgres } from '../../scripts/pg.mjs';

/** A running database, and how to get another connection pool to it (PGlite: the same one). */
export interface TestDatabase {
  readonly database: Database;
  readonly numbering: Numbering;
  another(maxConnections?: number): Database;
  stop(): Promise<void>;
}

export const databases = [
  {
    name: 'pglite',
    async start(): Promise<TestDatabase> {
      const database = pgliteDatabase();
      return { database, numbering: 'commit', another: () => database, stop: () => database.close() };
    },
  },
  { name: 'postgres', start: () => onPostgres('commit') },
  { name: 'postgres without triggers', start: () => onPostgres('statement') },
] as const;

async function onPostgres(numbering: Numbering): Promise<TestDatabase> {
  const cluster = await startPostgres();
  const open: Database[] = [];
  const another = (maxConnections = 10): Database => {
    const database = postgresDatabase({ connectionString: cluster.url, maxConnections });
    open.push(database);
    return database;
  };
  return {
    database: another(),
    numbering,
    another,
    async stop() {
      await Promise.all(open.map((database) => database.close()));
      await cluster.stop();
    },
  };
}

let made = 0;
/** A name nobody else uses. */
export const fresh = (prefix: string): string => `${prefix}${++made}`;

export type RawOp = Readonly<Record<string, unknown>>;

/** Builds ops with a fresh token, on one type. */
export function opsOn(type: string): {
  insert(id: string, data: object, more?: RawOp): RawOp & { op: string };
  update(id: string, patch: object, more?: RawOp): RawOp & { op: string };
  remove(id: string, more?: RawOp): RawOp & { op: string };
  group(changes: readonly RawOp[], more?: RawOp): RawOp & { op: string };
  command(name: string, args?: unknown, more?: RawOp): RawOp & { op: string };
} {
  const op = (content: RawOp, more: RawOp = {}): RawOp & { op: string } => ({
    op: fresh('op'),
    rev: 0,
    ...content,
    ...more,
  });
  return {
    insert: (id, data, more) => op({ kind: 'insert', type, id, data }, more),
    update: (id, patch, more) => op({ kind: 'update', type, id, patch }, more),
    remove: (id, more) => op({ kind: 'delete', type, id }, more),
    group: (changes, more) => op({ kind: 'group', changes }, more),
    command: (name, args = {}, more) => op({ kind: 'command', name, args }, more),
  };
}

/** A server with a feed of its own, and the requests a client makes. */
export interface TestServer {
  readonly server: SyncServer;
  readonly scope: string;
  readonly type: string;
  readonly ops: ReturnType<typeof opsOn>;
  request(path: string, init?: RequestInit): Promise<Response>;
  post(body: unknown, init?: RequestInit): Promise<Response>;
  /** Pushes; expects 200. */
  push(ops: readonly unknown[], more?: object): Promise<PushReply>;
  /** Pushes one op; its result. */
  send(op: unknown, more?: object): Promise<PushReply['results'][number]>;
  pull(since?: string, limit?: number): Promise<FeedPage>;
  /** Pulls to the end. */
  pullAll(since?: string, limit?: number): Promise<FeedPage['changes']>;
  snapshot(
    limit?: number,
  ): Promise<{ readonly entities: readonly Entity[]; readonly cursor: string; readonly pages: number }>;
  close(): Promise<void>;
}

export function openServer(
  options: Partial<SyncServerOptions> & { readonly database: Database },
  scope: string = fresh('scope'),
): TestServer {
  const server = createSyncServer({ scopeOf: () => scope, ...options });
  const type = fresh('type');
  const request = (path: string, init?: RequestInit): Promise<Response> => {
    const url = new URL(`http://server.test/sync/${path}`);
    if (!url.searchParams.has('scope')) url.searchParams.set('scope', scope);
    return server.fetch(new Request(url, init));
  };
  const get = async <T>(path: string): Promise<T> => {
    const response = await request(path);
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const query = (values: Readonly<Record<string, string | number | undefined>>): string =>
    new URLSearchParams(
      Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    ).toString();

  const self: TestServer = {
    server,
    scope,
    type,
    ops: opsOn(type),
    request,
    post: (body, init) =>
      request('ops', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...init,
      }),
    async push(ops, more) {
      const response = await self.post({ client: 'c1', ops, ...more });
      if (response.status !== 200) throw new Error(`ops: ${response.status} ${await response.text()}`);
      return (await response.json()) as PushReply;
    },
    async send(op, more) {
      const { results } = await self.push([op], more);
      return results[0]!;
    },
    pull: (since, limit) => get(`changes?${query({ since, limit })}`),
    async pullAll(since, limit) {
      const changes = [];
      for (let at = since; ;) {
        const page = await self.pull(at, limit);
        changes.push(...page.changes);
        if (page.upToDate) return changes;
        at = page.cursor;
      }
    },
    async snapshot(limit) {
      const entities: Entity[] = [];
      let cursor = '';
      let pages = 0;
      for (let page: string | undefined; ;) {
        const answer = await get<SnapshotPage>(`snapshot?${query({ page, limit })}`);
        pages++;
        entities.push(...answer.entities);
        cursor = answer.cursor;
        if (answer.next === null) return { entities, cursor, pages };
        page = answer.next;
      }
    },
    close: () => server.close(),
  };
  return self;
}

/** What applying a feed gives: live rows by type and id. */
export function fold(changes: FeedPage['changes'], start: readonly Entity[] = []): Map<string, Entity> {
  const rows = new Map(start.map((row) => [JSON.stringify([row.type, row.id]), row]));
  for (const { type, id, version, data, at } of changes) {
    const key = JSON.stringify([type, id]);
    if ((rows.get(key)?.version ?? 0) < version)
      rows.set(key, { type, id, version, data, ...(at !== undefined && { at }) });
  }
  for (const [key, row] of rows) if (row.data === null) rows.delete(key);
  return rows;
}

/** Something to wait for and to let happen. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

/** Reads server-sent events one by one. */
export function eventsOf(body: ReadableStream<Uint8Array>): {
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

/** Opens the stream of a server. */
export async function openStream(sync: TestServer, init?: RequestInit): Promise<ReturnType<typeof eventsOf>> {
  const response = await sync.request('stream', init);
  if (response.headers.get('Content-Type') !== 'text/event-stream')
    throw new Error(`stream: ${response.status} ${await response.text()}`);
  return eventsOf(response.body!);
}

/** Reads pokes until one has this cursor. */
export async function pokedTo(
  events: ReturnType<typeof eventsOf>,
  cursor: string | undefined,
): Promise<void> {
  for (let event = await events.next(); event !== undefined; event = await events.next())
    if (event === `event: poke\nid: ${cursor}\ndata: {}`) return;
  throw new Error(`The stream ended before ${cursor}`);
}
