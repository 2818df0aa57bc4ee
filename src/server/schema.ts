/**
 * How change rows get their place in the feed. The number of a change must be given out while, or right before, its
 * transaction commits: a number taken at INSERT lets readers skip rows.
 *
 * - `commit`: by a deferred constraint trigger, while COMMIT runs. PostgreSQL and PGlite.
 * - `statement`: by the last statement before COMMIT, for databases without such triggers. The counter of the scope
 *   stays locked for one round trip more.
 */
export type Numbering = 'commit' | 'statement';

/** Grows with every change of the tables. */
export const LEVEL = 4;

/** The column `at` as the wire has it: milliseconds since the epoch. */
export const MILLISECONDS = 'floor(extract(epoch FROM at) * 1000)::bigint AS at';

/** What both ways of numbering need. Nothing here is beyond what distributed PostgreSQL-compatible databases have. */
export const TABLES = `
CREATE SCHEMA IF NOT EXISTS holdfast;

CREATE TABLE IF NOT EXISTS holdfast.meta (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch text NOT NULL,
  level integer NOT NULL DEFAULT 0,
  numbering text NOT NULL DEFAULT 'commit'
);

CREATE TABLE IF NOT EXISTS holdfast.entity (
  tenant text COLLATE "C" NOT NULL DEFAULT '',
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  scope text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  data jsonb, -- NULL: a tombstone, which keeps the version counting
  at timestamptz NOT NULL DEFAULT clock_timestamp(), -- of the last write, by the database's clock
  PRIMARY KEY (tenant, type, id)
);
CREATE INDEX IF NOT EXISTS entity_scope ON holdfast.entity (scope, type, id) WHERE data IS NOT NULL;

CREATE TABLE IF NOT EXISTS holdfast.op (
  tenant text COLLATE "C" NOT NULL DEFAULT '',
  subject text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL,
  rev bigint NOT NULL,
  fingerprint text NOT NULL,
  status smallint, -- NULL only inside the op's own transaction
  reply jsonb,
  writes jsonb, -- [{type, id, before, after}]: the versions an op named in "after" moved each row between
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, subject, token, rev)
);
CREATE INDEX IF NOT EXISTS op_at ON holdfast.op (at);

CREATE TABLE IF NOT EXISTS holdfast.scope (
  scope text COLLATE "C" PRIMARY KEY,
  seq bigint NOT NULL,
  floor bigint NOT NULL DEFAULT 0, -- changes up to here were collected
  summed boolean NOT NULL DEFAULT true -- false: holdfast.sum has not seen every change
);

CREATE TABLE IF NOT EXISTS holdfast.sum ( -- of the live rows of a scope, at its seq
  scope text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  rows bigint NOT NULL,
  checksum bigint NOT NULL,
  PRIMARY KEY (scope, type)
);

CREATE TABLE IF NOT EXISTS holdfast.change (
  ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope text COLLATE "C" NOT NULL,
  seq bigint,
  page_end bigint,
  part integer NOT NULL DEFAULT 0,
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  data jsonb,
  op text,
  rev bigint,
  client text,
  at timestamptz NOT NULL DEFAULT now(),
  rows smallint, -- by how many live rows, and by which checksum, the scope is another after it
  checksum bigint
);
CREATE UNIQUE INDEX IF NOT EXISTS change_feed ON holdfast.change (scope, seq);
`;

/*
 * The cursor. `seq` is given out per scope by a deferred constraint trigger, that is while COMMIT runs: whoever
 * gets seq 6 got it after the owner of 5 had committed, so a reader who sees 6 can see 5.
 *
 * The first firing numbers all change rows of the transaction, scope by scope in sorted order (two transactions
 * over the same scopes cannot deadlock); the later firings find nothing to do. `page_end` is the last seq of the
 * same transaction (and part): a page that ends on it splits nothing.
 */
export const NUMBERED_AT_COMMIT = `
ALTER TABLE holdfast.change ADD COLUMN IF NOT EXISTS tx xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX IF NOT EXISTS change_tx ON holdfast.change (tx);

CREATE OR REPLACE FUNCTION holdfast.number_changes() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
  touched record;
  base bigint;
BEGIN
  PERFORM 1 FROM holdfast.change WHERE ordinal = NEW.ordinal AND seq IS NULL;
  IF NOT FOUND THEN RETURN NULL; END IF;
  FOR touched IN
    SELECT c.scope, count(*) AS n, bool_and(c.checksum IS NOT NULL) AS summed FROM holdfast.change c
    WHERE c.tx = pg_current_xact_id() AND c.seq IS NULL GROUP BY c.scope ORDER BY c.scope
  LOOP
    INSERT INTO holdfast.scope AS s (scope, seq, summed) VALUES (touched.scope, touched.n, touched.summed)
    ON CONFLICT (scope) DO UPDATE SET seq = s.seq + touched.n, summed = s.summed AND touched.summed
    RETURNING s.seq - touched.n INTO base;
    INSERT INTO holdfast.sum AS s (scope, type, rows, checksum)
    SELECT c.scope, c.type, sum(c.rows), sum(c.checksum) FROM holdfast.change c
    WHERE c.tx = pg_current_xact_id() AND c.seq IS NULL AND c.scope = touched.scope AND touched.summed
    GROUP BY c.scope, c.type
    ON CONFLICT (scope, type) DO UPDATE SET rows = s.rows + excluded.rows, checksum = s.checksum + excluded.checksum;
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

/**
 * From level 3, which did not sum up: what was there before is not known, so these scopes offer no sums. Nor do those
 * into which an instance of before writes meanwhile.
 */
export const FROM_LEVEL_3 = `
ALTER TABLE holdfast.scope ADD COLUMN IF NOT EXISTS summed boolean NOT NULL DEFAULT false;
ALTER TABLE holdfast.scope ALTER COLUMN summed SET DEFAULT true;
ALTER TABLE holdfast.change ADD COLUMN IF NOT EXISTS rows smallint;
ALTER TABLE holdfast.change ADD COLUMN IF NOT EXISTS checksum bigint;
`;

/** From level 2, which did not keep when a row was last written. */
export const FROM_LEVEL_2 = `
ALTER TABLE holdfast.entity ADD COLUMN IF NOT EXISTS at timestamptz NOT NULL DEFAULT clock_timestamp();
`;

/** From level 1, which knew no tenants and one way of numbering. */
export const FROM_LEVEL_1 = `
ALTER TABLE holdfast.meta ADD COLUMN IF NOT EXISTS numbering text NOT NULL DEFAULT 'commit';
ALTER TABLE holdfast.entity ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE holdfast.entity DROP CONSTRAINT entity_pkey;
ALTER TABLE holdfast.entity ADD PRIMARY KEY (tenant, type, id);
ALTER TABLE holdfast.op ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE holdfast.op DROP CONSTRAINT op_pkey;
ALTER TABLE holdfast.op ADD PRIMARY KEY (tenant, subject, token, rev);
`;
