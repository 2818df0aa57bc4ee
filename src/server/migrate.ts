import type { Database, Transaction } from './database.js';

// Any number will do, as long as all instances use the same one.
const MIGRATION_LOCK = 5_104_771_203;

/** Grows with every change of {@link SCHEMA}. */
const LEVEL = 1;

/**
 * Creates whatever is missing and reads the database's epoch. Safe when several instances start at once; locks no
 * table when there is nothing to do, so that an instance can join while others write.
 *
 * @returns the epoch: a random name, made with the database, part of every cursor.
 */
export function migrate(database: Database): Promise<string> {
  return database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1::bigint)', [MIGRATION_LOCK]);
    let meta = await readMeta(tx);
    if (meta === undefined || meta.level < LEVEL) {
      await tx.script(SCHEMA);
      await tx.query('UPDATE holdfast.meta SET level = $1::integer', [LEVEL]);
      meta = await readMeta(tx);
    }
    if (meta === undefined) throw new Error('holdfast.meta is empty');
    return { commit: true, value: meta.epoch };
  });
}

async function readMeta(
  tx: Transaction,
): Promise<{ readonly epoch: string; readonly level: number } | undefined> {
  const [found] = await tx.query<{ there: boolean }>(
    "SELECT to_regclass('holdfast.meta') IS NOT NULL AS there",
  );
  if (!found?.there) return undefined;
  const [meta] = await tx.query<{ epoch: string; level: number }>('SELECT epoch, level FROM holdfast.meta');
  return meta;
}

/*
 * The cursor. `seq` is given out per scope by a deferred constraint trigger, that is while COMMIT runs: whoever
 * gets seq 6 got it after the owner of 5 had committed, so a reader who sees 6 can see 5. A number taken at
 * INSERT does not have this property, and readers skip rows with it.
 *
 * The first firing numbers all change rows of the transaction, scope by scope in sorted order (two transactions
 * over the same scopes cannot deadlock); the later firings find nothing to do. `page_end` is the last seq of the
 * same transaction (and part): a page that ends on it splits nothing.
 */
const SCHEMA = `
CREATE SCHEMA IF NOT EXISTS holdfast;

CREATE TABLE IF NOT EXISTS holdfast.meta (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch text NOT NULL,
  level integer NOT NULL DEFAULT 0
);
INSERT INTO holdfast.meta (epoch) VALUES (substr(md5(gen_random_uuid()::text), 1, 12)) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS holdfast.entity (
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  scope text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  data jsonb, -- NULL: a tombstone, which keeps the version counting
  PRIMARY KEY (type, id)
);
CREATE INDEX IF NOT EXISTS entity_scope ON holdfast.entity (scope, type, id) WHERE data IS NOT NULL;

CREATE TABLE IF NOT EXISTS holdfast.op (
  subject text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL,
  rev bigint NOT NULL,
  fingerprint text NOT NULL,
  status smallint, -- NULL only inside the op's own transaction
  reply jsonb,
  writes jsonb, -- [{type, id, before, after}]: the versions an op named in "after" moved each row between
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, token, rev)
);
CREATE INDEX IF NOT EXISTS op_at ON holdfast.op (at);

CREATE TABLE IF NOT EXISTS holdfast.scope (
  scope text COLLATE "C" PRIMARY KEY,
  seq bigint NOT NULL,
  floor bigint NOT NULL DEFAULT 0 -- changes up to here were collected
);

CREATE TABLE IF NOT EXISTS holdfast.change (
  ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope text COLLATE "C" NOT NULL,
  seq bigint,
  page_end bigint,
  part integer NOT NULL DEFAULT 0,
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  data jsonb,
  op text,
  rev bigint,
  client text,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS change_feed ON holdfast.change (scope, seq);
CREATE INDEX IF NOT EXISTS change_tx ON holdfast.change (tx);

CREATE OR REPLACE FUNCTION holdfast.number_changes() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
  touched record;
  base bigint;
BEGIN
  PERFORM 1 FROM holdfast.change WHERE ordinal = NEW.ordinal AND seq IS NULL;
  IF NOT FOUND THEN RETURN NULL; END IF;
  FOR touched IN
    SELECT c.scope, count(*) AS n FROM holdfast.change c
    WHERE c.tx = pg_current_xact_id() AND c.seq IS NULL GROUP BY c.scope ORDER BY c.scope
  LOOP
    INSERT INTO holdfast.scope AS s (scope, seq) VALUES (touched.scope, touched.n)
    ON CONFLICT (scope) DO UPDATE SET seq = s.seq + touched.n
    RETURNING s.seq - touched.n INTO base;
    UPDATE holdfast.change c SET seq = base + numbered.n, page_end = base + numbered.last_of_part
    FROM (
      SELECT ordinal, n, max(n) OVER (PARTITION BY part) AS last_of_part
      FROM (
        SELECT ordinal, part, row_number() OVER (ORDER BY ordinal) AS n FROM holdfast.change
        WHERE tx = pg_current_xact_id() AND seq IS NULL AND scope = touched.scope
      ) mine
    ) numbered
    WHERE c.ordinal = numbered.ordinal;
  END LOOP;
  RETURN NULL;
END $body$;

DO $body$ BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_trigger WHERE tgname = 'number_changes' AND tgrelid = 'holdfast.change'::regclass
  ) THEN
    CREATE CONSTRAINT TRIGGER number_changes AFTER INSERT ON holdfast.change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION holdfast.number_changes();
  END IF;
END $body$;
`;
