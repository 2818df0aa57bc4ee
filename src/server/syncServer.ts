import type { Collected, CollectOptions } from './collect.js';
import type { CommandCode } from './command.js';
import type { Database } from './database.js';
import type { ScopeOf, Validate } from './effect.js';
import type { ServerLimits } from './limits.js';
import type { ServerLogger } from './logger.js';
import type { Authorize } from './push.js';
import type { SeedRow } from './seed.js';

/** Who a request is from. */
export interface Subject {
  /** The account. Idempotency keys of different subjects never meet. */
  readonly subject: string;
}

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
  readonly authorizeScope?: (scope: string, subject: Subject) => boolean | Promise<boolean>;
  /** Commands by name. */
  readonly commands?: Readonly<Record<string, CommandCode>>;
  /** Refuses a change (422) with the text it returns. Runs inside the transaction. */
  readonly validate?: Validate;
  /** Which feed a row belongs to. @default one feed, `main` */
  readonly scopeOf?: ScopeOf;
  /** Schema numbers of apps this server understands; others get 426. @default all */
  readonly schema?: { readonly min: number; readonly max: number };
  readonly limits?: Partial<ServerLimits>;
  /** Lets pages of other origins in, and lets them read `Retry-After`, `Date` and the like. @default same origin only */
  readonly cors?: { readonly origin: string | readonly string[]; readonly credentials?: boolean };
  /** How long replays are promised to be recognised, in seconds; what {@link SyncServer.collect} must respect. @default 30 days */
  readonly idempotencyRetentionSec?: number;
  /** How long deletes stay in the feed, in seconds. @default 30 days */
  readonly tombstoneRetentionSec?: number;
  /** @default 20000 */
  readonly heartbeatMs?: number;
  /** @default silent */
  readonly logger?: ServerLogger;
}

/** A sync server; mount `fetch` wherever requests come from. */
export interface SyncServer {
  /** Answers every request under `basePath`; others with 404. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /** Resolves when the tables are there. Requests wait for it by themselves, and try again if it failed. */
  readonly ready: Promise<void>;
  /** Inserts rows if there is none of this type yet. Resolves with how many were inserted. */
  seed(type: string, rows: readonly SeedRow[]): Promise<number>;
  /** Forgets old changes and op records. */
  collect(options: CollectOptions): Promise<Collected>;
  /** Ends streams and long polls, and waits for requests under way. */
  close(): Promise<void>;
}
