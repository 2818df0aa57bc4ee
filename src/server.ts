/**
 * The reference server of the sync protocol: a `fetch` handler over PostgreSQL or embedded PGlite.
 *
 * @packageDocumentation
 */
export { createSyncServer } from './server/createSyncServer.js';
export type { SyncServer, SyncServerOptions } from './server/syncServer.js';
export type { Caller, Subject } from './server/caller.js';
export type { BusListener, ChangeBus } from './server/changeBus.js';
export { postgresChangeBus } from './server/postgresChangeBus.js';
export { silentChangeBus } from './server/silentChangeBus.js';
export { pokeSocketServer } from './server/pokeSocket.js';
export type { Numbering } from './server/schema.js';
export { databaseFromEnv } from './server/databaseFromEnv.js';
export { pgliteDatabase, type PgliteDatabaseOptions } from './server/pgliteDatabase.js';
export { postgresDatabase, type PostgresDatabaseOptions } from './server/postgresDatabase.js';
export {
  DatabaseError,
  type ChannelListener,
  type Database,
  type DatabaseErrorKind,
  type Ending,
  type Sql,
  type SqlValue,
  type Transaction,
} from './server/database.js';
export { Refusal, type CommandCode, type CommandContext, type CommandTransaction } from './server/command.js';
export type { Collected, CollectOptions } from './server/collect.js';
export type { Origin, ScopeOf, Validate, ValidateContext } from './server/effect.js';
export type { AllowedOrigins } from './server/letOriginsIn.js';
export { DEFAULT_LIMITS, type ServerLimits } from './server/limits.js';
export type { ServerLogger } from './server/logger.js';
export { problem, type ProblemName } from './server/problem.js';
export type { Authorize } from './server/gatherOps.js';
export type { SeedRow } from './server/seed.js';
export type {
  Change,
  Command,
  Delete,
  Entity,
  FeedChange,
  FeedPage,
  Group,
  Insert,
  JsonObject,
  JsonValue,
  Op,
  OpResult,
  Problem,
  PushReply,
  SnapshotPage,
  Update,
} from './server/protocol.js';
