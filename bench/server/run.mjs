// Push throughput of the server against a bare INSERT of the same rows on the same database, by as many clients, in
// interleaved rounds: one statement and transaction per row, and one per batch, as a push has it. Compare the ratios;
// seconds differ between machines.
//   npm run bench:server   [-- --quick --only <text> --rounds <n> --rows <n> --clients <n>]
// Checks what it measured: every row there once, every op accepted, every change in the feed. Exits 1 when it is not so.
import { parseArgs } from 'node:util';
import { startPostgres } from '../../scripts/pg.mjs';
import { buildServer } from '../buildServer.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    rows: { type: 'string' },
    clients: { type: 'string', default: '8' },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7));
const rows = Number(options.rows ?? (options.quick ? 400 : 2000));
const clients = Number(options.clients);
const BATCH = 50;

const { createSyncServer, pgliteDatabase, postgresDatabase } = await buildServer();
const cluster = await startPostgres({ fsync: true }); // commits reach the disk, as in production
const onPostgres = () => postgresDatabase({ connectionString: cluster.url, maxConnections: clients + 2 });

const CASES = [
  { name: 'PGlite, in memory', open: () => pgliteDatabase(), clients: 1 },
  { name: 'PostgreSQL', open: onPostgres, numbering: 'commit' },
  { name: 'PostgreSQL, numbering: statement', open: onPostgres, numbering: 'statement' },
].filter(({ name }) => name.includes(options.only));

let made = 0;
const nextRows = () => {
  const run = ++made;
  return Array.from({ length: rows }, (_, i) => ({
    id: `${run}-${i}`,
    data: { title: `Row ${i} of ${run}`, done: i % 2 === 0, rank: i },
  }));
};

try {
  const lines = [];
  for (const one of CASES) lines.push(await measure({ clients, ...one }));
  console.log(
    `${rows} rows a round, ${rounds} rounds, batches of ${BATCH}, ${clients} clients (PGlite: 1)\n`,
  );
  console.log(
    '| database | server, mutations/s | bare INSERT of each row, rows/s | to the server | bare INSERT of a batch, rows/s | to the server |',
  );
  console.log('| --- | --: | --: | --: | --: | --: |');
  for (const line of lines) console.log(line);
} finally {
  await cluster.stop();
}

async function measure({ name, open, numbering, clients }) {
  const database = open();
  await database.query('DROP SCHEMA IF EXISTS holdfast CASCADE');
  await database.query('DROP TABLE IF EXISTS bare');
  await database.query('DROP TABLE IF EXISTS batched');
  await database.query('CREATE TABLE bare (id text PRIMARY KEY, data jsonb NOT NULL)');
  await database.query('CREATE TABLE batched (id text PRIMARY KEY, data jsonb NOT NULL)');
  const server = createSyncServer({ database, ...(numbering && { numbering }) });
  await server.ready;

  const bare = (given) =>
    eachOf(clients, given, async (mine) => {
      for (const { id, data } of mine)
        await database.query('INSERT INTO bare (id, data) VALUES ($1, $2::text::jsonb)', [
          id,
          JSON.stringify(data),
        ]);
    });
  const batched = (given) =>
    eachOf(clients, given, async (mine) => {
      for (let from = 0; from < mine.length; from += BATCH)
        await database.query(
          'INSERT INTO batched SELECT id, data FROM jsonb_to_recordset($1::text::jsonb) AS r(id text, data jsonb)',
          [JSON.stringify(mine.slice(from, from + BATCH))],
        );
    });
  const pushed = (given) =>
    eachOf(clients, given, async (mine, client) => {
      for (let from = 0; from < mine.length; from += BATCH) {
        const ops = mine
          .slice(from, from + BATCH)
          .map(({ id, data }) => ({ op: `op-${id}`, rev: 0, kind: 'insert', type: 'row', id, data }));
        const response = await server.fetch(
          new Request('http://bench.test/sync/ops', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ client: `c${client}`, ops }),
          }),
        );
        const { results = [] } = await response.json();
        check(
          results.length === ops.length && results.every(({ status }) => status === 200),
          `${name}: a push was answered ${response.status} with ${results.length} results`,
        );
      }
    });

  const samples = [];
  for (let round = 0; round <= rounds; round++) {
    process.stderr.write(`${name}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}\n`);
    const given = nextRows();
    const sample = {};
    // the order changes, so that neither side always comes first
    const sides = round % 2 ? { pushed, bare, batched } : { batched, bare, pushed };
    for (const [side, work] of Object.entries(sides)) {
      const begun = performance.now();
      await work(given);
      sample[side] = (rows * 1000) / (performance.now() - begun);
    }
    if (round > 0) samples.push(sample);
  }

  const expected = rows * (rounds + 1);
  const [found] = await database.query(
    `SELECT (SELECT count(*) FROM bare)::integer AS bare, (SELECT count(*) FROM batched)::integer AS batched,
      (SELECT count(*) FROM holdfast.entity e JOIN bare b ON b.id = e.id AND b.data = e.data
        WHERE e.version = 1)::integer AS entities,
      (SELECT count(*) FROM holdfast.op WHERE status = 200)::integer AS ops,
      (SELECT count(DISTINCT seq) FROM holdfast.change)::integer AS changes,
      (SELECT seq FROM holdfast.scope)::integer AS head`,
  );
  for (const [what, count] of Object.entries(found))
    check(count === expected, `${name}: ${what} is ${count}, not ${expected}`);
  await server.close();
  await database.close();

  const of = (side) => Math.round(median(samples.map((sample) => sample[side])));
  const ratio = (side) => {
    const ratios = samples.map((sample) => sample[side] / sample.pushed).sort((a, b) => a - b);
    return `${median(ratios).toFixed(1)} : 1 (${ratios[0].toFixed(1)}–${ratios.at(-1).toFixed(1)})`;
  };
  return `| ${name} | ${of('pushed')} | ${of('bare')} | ${ratio('bare')} | ${of('batched')} | ${ratio('batched')} |`;
}

async function eachOf(clients, given, work) {
  const share = Math.ceil(given.length / clients);
  await Promise.all(
    Array.from({ length: clients }, (_, client) =>
      work(given.slice(client * share, (client + 1) * share), client),
    ),
  );
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function check(holds, complaint) {
  if (!holds) throw new Error(complaint);
}
