import type { Pool, PoolClient } from 'pg';
import {
  DatabaseError,
  toDatabaseError,
  type Database,
  type Sql,
  type SqlValue,
  type Transaction,
} from './database.js';
import { listenOnPostgres } from './listenOnPostgres.js';

/** Options of {@link postgresDatabase}. */
export interface PostgresDatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly connectionString: string;
  /**
   * Connections kept for requests; one more listens.
   * @default 10
   */
  readonly maxConnections?: number;
  /**
   * How long to wait for a connection, in milliseconds.
   * @default 5000
   */
  readonly connectTimeoutMs?: number;
}

/** A PostgreSQL server (13 or newer), reached through a pool of `pg`, which is loaded when it is first used. */
export function postgresDatabase(options: PostgresDatabaseOptions): Database {
  const connection = {
    connectionString: options.connectionString,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
  };
  const listeners = new Set<() => Promise<void>>();
  let opening: Promise<Pool> | undefined;
  const open = (): Promise<Pool> => (opening ??= start());

  async function start(): Promise<Pool> {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ ...connection, max: options.maxConnections ?? 10 });
    // A lost connection also fails the statement in flight, which reports it; without these two listeners it
    // would end the process.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool;
  }

  return {
    query: async <Row extends object>(text: string, values?: readonly SqlValue[]): Promise<readonly Row[]> =>
      sqlOf(await open()).query<Row>(text, values),
    async transaction(work) {
      const pool = await open();
      const client = await pool.connect().catch((error: unknown) => {
        throw toDatabaseError(error);
      });
      const sql = transactionOf(client);
      let lost = false;
      try {
        await sql.query('BEGIN');
        const { commit, value } = await work(sql);
        await sql.query(commit ? 'COMMIT' : 'ROLLBACK');
        return value;
      } catch (error) {
        lost = error instanceof DatabaseError && error.kind === 'unavailable';
        await sql.query('ROLLBACK').catch(() => (lost = true));
        throw error;
      } finally {
        client.release(lost); // a session in doubt is not given to anybody else
      }
    },
    async listen(channel, listener) {
      const end = await listenOnPostgres(connection, channel, listener);
      listeners.add(end);
      return () => {
        listeners.delete(end);
        return end();
      };
    },
    async close() {
      await Promise.all([...listeners].map((end) => end()));
      listeners.clear();
      const pool = await opening;
      if (pool !== undefined && !pool.ended) await pool.end();
    },
  };
}

function sqlOf(session: Pool | PoolClient): Sql {
  return {
    async query<Row extends object>(text: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
      try {
        return (await session.query<Row>(text, [...values])).rows;
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
  };
}

function transactionOf(client: PoolClient): Transaction {
  return {
    ...sqlOf(client),
    async script(text) {
      try {
        await client.query(text); // without parameters: the simple protocol, which takes several statements
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
  };
}
