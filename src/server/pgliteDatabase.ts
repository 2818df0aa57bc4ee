import { mkdir } from 'node:fs/promises';
import type { PGlite, Transaction as PgliteTransaction } from '@electric-sql/pglite';
import { toDatabaseError, type Database, type Sql, type SqlValue, type Transaction } from './database.js';

/** Options of {@link pgliteDatabase}. */
export interface PgliteDatabaseOptions {
  /**
   * Folder for the data files; made if it is missing. One process at a time.
   * @default in memory
   */
  readonly dataDir?: string;
}

/**
 * PostgreSQL inside this process (PGlite), loaded when it is first used. It has one connection: transactions
 * queue up, so a command that waits for something holds up everybody.
 */
export function pgliteDatabase(options: PgliteDatabaseOptions = {}): Database {
  let opening: Promise<PGlite> | undefined;
  const open = (): Promise<PGlite> => (opening ??= start(options.dataDir));

  return {
    query: async <Row extends object>(text: string, values?: readonly SqlValue[]): Promise<readonly Row[]> =>
      sqlOf(await open()).query<Row>(text, values),
    async transaction(work) {
      const pglite = await open();
      let failure: { readonly thrown: unknown } | undefined;
      try {
        return await pglite.transaction(async (session) => {
          try {
            const { commit, value } = await work(transactionOf(session));
            if (!commit) await session.rollback();
            return value;
          } catch (error) {
            failure = { thrown: error };
            throw error;
          }
        });
      } catch (error) {
        // what `work` threw passes through; everything else is a failed BEGIN or COMMIT
        throw failure !== undefined && failure.thrown === error ? error : toDatabaseError(error);
      }
    },
    async listen(channel, listener) {
      const unlisten = await (await open()).listen(channel, (payload) => listener.onMessage(payload));
      return () => unlisten();
    },
    async close() {
      if (opening === undefined) return;
      const pglite = await opening;
      if (!pglite.closed) await pglite.close();
    },
  };
}

async function start(dataDir: string | undefined): Promise<PGlite> {
  const { PGlite } = await import('@electric-sql/pglite');
  if (dataDir !== undefined) await mkdir(dataDir, { recursive: true });
  return PGlite.create(dataDir === undefined ? {} : { dataDir });
}

function sqlOf(session: Pick<PGlite, 'query'> | Pick<PgliteTransaction, 'query'>): Sql {
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

function transactionOf(session: PgliteTransaction): Transaction {
  return {
    ...sqlOf(session),
    async script(text) {
      try {
        await session.exec(text);
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
  };
}
