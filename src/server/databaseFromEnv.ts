import type { Database } from './database.js';
import { pgliteDatabase } from './pgliteDatabase.js';
import { postgresDatabase } from './postgresDatabase.js';

/**
 * The database named by the environment: PostgreSQL at `DATABASE_URL`, else PGlite in a folder.
 *
 * @param env - where to look; @default `process.env`
 * @param dataDir - the folder for PGlite; @default `.data/pglite`
 */
export function databaseFromEnv(
  env: Readonly<Record<string, string | undefined>> = process.env,
  dataDir = '.data/pglite',
): Database {
  const connectionString = env['DATABASE_URL'];
  return connectionString ? postgresDatabase({ connectionString }) : pgliteDatabase({ dataDir });
}
