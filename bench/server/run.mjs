// Push throughput of the server against a bare INSERT of the same rows on the same database, by as many clients, in
// interleaved rounds: one statement and transaction per row, and one per batch, as a push has it. Compare the ratios;
// seconds differ between machines.
// And what its sums (decision 0030) cost a push: the same with numbering that does not add up.
//   npm run bench:server   writes bench/results/server.json and the table in docs/server.md
//     [-- --quick --only <text> --rounds <n> --rows <n> --clients <n>]     prints only
// Checks what it measured: every row there once, every op accepted, every change in the feed. Exits 1 when it is not so.
import { parseArgs } from 'node:util';
import { startPostgres } from '../../scripts/pg.mjs';
import { buildServer } from '../buildServer.mjs';
import { machine, median, number, save, writeSection } from '../report.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    rows: { type: 'string' },
    clients: { type: 'string', default: '8' },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
const rows = Number(options.rows ?? (options.quick ? 400 : 1000));
const clients = Number(options.clients);
const BATCH = 50;
const isWhole = !options.quick && !['only', 'rounds', 'rows'].some((name) => options[name]) && clients === 8;

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
  const results = [];
  for (const one of CASES) results.push(await measure({ clients, ...one }));
  const of = `${rows} rows a round, ${rounds} rounds, batches of ${BATCH}, ${clients} clients (PGlite: 1)`;
  const table = markdown(results);
  console.log(`${of}\n\n${table}`);
  if (isWhole) {
    const report = {
      date: new Date().toISOString().slice(0, 10),
      machine: machine(''),
      rows,
      rounds,
      results,
    };
    await save('server', report);
    const { cores, cpu } = report.machine;
    await writeSection(
      'docs/server.md',
      'bench:server',
      `${report.date}, ${cores} cores (${cpu}); ${of}.\n\n${table}`,
    );
  }
} finally {
  await cluster.stop();
}

function markdown(results) {
  const ratio = (samples, [left, right]) => {
    const ratios = samples.filter((one) => one[left] && one[right]).map((one) => one[left] / one[right]);
    return ratios.length === 0
      ? '–'
      : `${number(median(ratios))} : 1 (${number(Math.min(...ratios))}–${number(Math.max(...ratios))})`;
  };
  const speed = (samples, side) => Math.round(median(samples.map((one) => one[side]))).toLocaleString('en');
  const cells = ({ name, samples }) => [
    name,
    speed(samples, 'pushed'),
    speed(samples, 'bare'),
    ratio(samples, ['bare', 'pushed']),
    speed(samples, 'batched'),
    ratio(samples, ['batched', 'pushed']),
    ratio(samples, ['unsummed', 'pushed']),
  ];
  const row = (all) => `| ${all.join(' | ')} |`;
  const titles = [
    'database',
    'pushed, mutations/s',
    '`INSERT` of each row, rows/s',
    'to a push (range)',
    '`INSERT` of a batch, rows/s',
    'to a push (range)',
    'a push without sums : a push (range)',
  ];
  return [
    row(titles),
    row(titles.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...results.map((one) => row(cells(one))),
  ].join('\n');
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

  const numberWith = numbering === 'statement' ? undefined : await numberings(database);
  const samples = [];
  for (let round = 0; round <= rounds; round++) {
    process.stderr.write(`${name}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}\n`);
    const given = nextRows();
    const sample = {};
    const push = (sums) => async () => {
      await numberWith?.(sums);
      return timed(() => pushed(sums ? given : nextRows()));
    };
    const sides = {
      batched: () => timed(() => batched(given)),
      bare: () => timed(() => bare(given)),
      pushed: push(true),
      ...(numberWith && { unsummed: push(false) }),
    };
    // the order changes, so that no side always comes first
    const order = Object.keys(sides);
    for (const side of round % 2 ? order.reverse() : order)
      sample[side] = (rows * 1000) / (await sides[side]());
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
  const pushes = numberWith === undefined ? 1 : 2;
  for (const [what, count] of Object.entries(found)) {
    const times = ['ops', 'changes', 'head'].includes(what) ? pushes : 1;
    check(count === times * expected, `${name}: ${what} is ${count}, not ${times * expected}`);
  }
  await server.close();
  await database.close();

  return { name, samples };
}

/** Chooses between the numbering as it is, and the same without adding up. */
async function numberings(database) {
  const [{ definition }] = await database.query(
    "SELECT pg_get_functiondef('holdfast.number_changes'::regproc) AS definition",
  );
  const without = definition.replace(/INSERT INTO holdfast\.sum[^;]*;/, '');
  check(without !== definition, 'there are no sums to leave out');
  return (sums) => database.query(sums ? definition : without);
}

async function timed(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function eachOf(clients, given, work) {
  const share = Math.ceil(given.length / clients);
  await Promise.all(
    Array.from({ length: clients }, (_, client) =>
      work(given.slice(client * share, (client + 1) * share), client),
    ),
  );
}

function check(holds, complaint) {
  if (!holds) throw new Error(complaint);
}
