import type { UpgradeWebSocket } from 'hono/ws';
import type { Caller, Subject } from './caller.js';
import type { ChangeBus } from './changeBus.js';
import type { Collected, CollectOptions } from './collect.js';
import type { CommandCode } from './command.js';
import type { Database } from './database.js';
import type { ScopeOf, Validate } from './effect.js';
import type { AllowedOrigins } from './letOriginsIn.js';
import type { ServerLimits } from './limits.js';
import type { ServerLogger } from './logger.js';
import type { Authorize } from './gatherOps.js';
import type { Numbering } from './schema.js';
import type { SeedRow } from './seed.js';

/** Options of `createSyncServer`. */
export interface SyncServerOptions {
  /** From `pgliteDatabase()`, `postgresDatabase()` or `databaseFromEnv()`. Stays yours: close it after the server. */
  readonly database: Database;
  /** @default '/sync' */
  readonly basePath?: string;
  /** Who sent this request; `undefined` answers 401. @default everybody is `anonymous` */
  readonly authenticate?: (request: Request) => Promise<Subject | undefined> | Subject | undefined;
  /** Asked for every change before it is written; `false` answers that op with 403. @default everything is allowed */
  readonly authorize?: Authorize;
  /** Asked once per request for changes, snapshot or stream; `false` answers 403. @default everything is allowed */
  readonly authorizeScope?: (scope: string, caller: Caller) => boolean | Promise<boolean>;
  /** Commands by name. */
  readonly commands?: Readonly<Record<string, CommandCode>>;
  /** Refuses a change (422) with the text it returns. Runs inside the transaction. */
  readonly validate?: Validate;
  /** Which feed a row belongs to. @default one feed, `main` */
  readonly scopeOf?: ScopeOf;
  /** How instances that share the database wake each other's subscribers. @default LISTEN and NOTIFY of `database` */
  readonly changeBus?: ChangeBus;
  /** How often the feed is looked at without a hint, while somebody waits. @default 5000 */
  readonly pollMs?: number;
  /**
   * From `@hono/node-server` (with its `websocket` option and `ws`), or another adapter of Hono: serves `GET stream` as
   * a WebSocket, too. Pass what it needs as the second argument of {@link SyncServer.fetch}.
   * @default server-sent events only
   */
  readonly upgradeWebSocket?: UpgradeWebSocket;
  /**
   * How changes get their place in the feed, for a database that has none yet: `statement` where there are no deferred
   * constraint triggers (distributed PostgreSQL-compatible databases).
   * @default 'commit'
   */
  readonly numbering?: Numbering;
  /** Schema numbers of apps this server understands; others get 426. @default all */
  readonly schema?: { readonly min: number; readonly max: number };
  readonly limits?: Partial<ServerLimits>;
  /** Lets pages of other origins in, and lets them read `Retry-After`, `Date` and the like. @default same origin only */
  readonly cors?: AllowedOrigins;
  /** How long replays are promised to be recognised, in seconds; what {@link SyncServer.collect} keeps. @default 30 days */
  readonly idempotencyRetentionSec?: number;
  /** How long changes, deletes included, stay in the feed, in seconds. @default 30 days */
  readonly tombstoneRetentionSec?: number;
  /** How often this instance calls {@link SyncServer.collect}, in milliseconds. @default never: call it from a job */
  readonly collectEveryMs?: number;
  /** @default 20000 */
  readonly heartbeatMs?: number;
  /** @default silent */
  readonly logger?: ServerLogger;
}

/** A sync server; mount `fetch` wherever requests come from. */
export interface SyncServer {
  /** Answers every request under `basePath`; others with 404. Never rejects. `env` is for `upgradeWebSocket`. */
  fetch(request: Request, env?: object): Promise<Response>;
  /** Resolves when the tables are there. Requests wait for it by themselves, and try again if it failed. */
  readonly ready: Promise<void>;
  /** Inserts rows if the tenant has none of this type yet. Resolves with how many were inserted. */
  seed(type: string, rows: readonly SeedRow[], options?: { readonly tenant?: string }): Promise<number>;
  /** Forgets old changes and op records: what is older than the advertised retention, unless told otherwise. */
  collect(options?: CollectOptions): Promise<Collected>;
  /** Ends streams, sockets and long polls, and waits for requests under way. */
  close(): Promise<void>;
}
