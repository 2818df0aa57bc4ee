import type { Database, Sql } from './database.js';
import {
  FROM_LEVEL_1,
  FROM_LEVEL_2,
  FROM_LEVEL_3,
  LEVEL,
  NUMBERED_AT_COMMIT,
  TABLES,
  type Numbering,
} from './schema.js';
import { createWakeup } from './wakeup.js';

// Any number will do, as long as all instances use the same one.
const MIGRATION_LOCK = 5_104_771_203;

/** What an instance must know about the database it joins. */
export interface DatabaseLife {
  /** A random name, made with the database, part of every cursor. */
  readonly epoch: string;
  /** As the database was made; it stays so. */
  readonly numbering: Numbering;
}

interface Meta extends DatabaseLife {
  readonly level: number;
}

/**
 * Creates whatever is missing. Safe when several instances start at once; locks no table when there is nothing to do,
 * so that an instance can join while others write.
 */
export async function migrate(database: Database, numbering: Numbering): Promise<DatabaseLife> {
  if (numbering === 'commit') return attempt(database, numbering);
  // Without a lock that every database has, of several that make the same table at once all but one may fail.
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt(database, numbering);
    } catch (error) {
      if (attempts === MOST_ATTEMPTS) throw error;
      await createWakeup().wait(Math.random() * 100 * attempts, NEVER);
    }
  }
}

const MOST_ATTEMPTS = 8;
const NEVER = new AbortController().signal;

function attempt(database: Database, numbering: Numbering): Promise<DatabaseLife> {
  return database.transaction(async (tx) => {
    if (numbering === 'commit') await tx.query('SELECT pg_advisory_xact_lock($1::bigint)', [MIGRATION_LOCK]);
    let meta = await readMeta(tx);
    if (meta === undefined || meta.level < LEVEL) {
      if (meta?.level === 1) await tx.script(FROM_LEVEL_1);
      if (meta !== undefined) await tx.script(FROM_LEVEL_2 + FROM_LEVEL_3);
      await tx.script(TABLES);
      await tx.query(MAKE_META, [numbering]);
      if (numbering === 'commit') await tx.script(NUMBERED_AT_COMMIT);
      await tx.query('UPDATE holdfast.meta SET level = $1::integer', [LEVEL]);
      meta = await readMeta(tx);
    }
    if (meta === undefined) throw new Error('holdfast.meta is empty');
    return { commit: true, value: meta };
  });
}

const MAKE_META = `
  INSERT INTO holdfast.meta (epoch, numbering)
  VALUES (substr(md5(gen_random_uuid()::text), 1, 12), $1) ON CONFLICT DO NOTHING`;

async function readMeta(sql: Sql): Promise<Meta | undefined> {
  const [found] = await sql.query<{ there: boolean }>(
    "SELECT to_regclass('holdfast.meta') IS NOT NULL AS there",
  );
  if (!found?.there) return undefined;
  // all columns: level 1 had no `numbering`
  const [meta] = await sql.query<Partial<Meta> & Pick<Meta, 'epoch' | 'level'>>(
    'SELECT * FROM holdfast.meta',
  );
  return meta && { epoch: meta.epoch, level: meta.level, numbering: meta.numbering ?? 'commit' };
}
