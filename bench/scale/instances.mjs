// Pushes through one to four instances of the server on one PostgreSQL, by ever more connections: how many mutations a
// second, and what they wait for.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../scripts/pg.mjs';
import { buildServer } from '../buildServer.mjs';

const BATCH = 50;
const POOL = 8;
const SAMPLE_MS = 25;

/** `[{ name, instances, connections, mutationsPerSecond, p50, p95, cores: {…}, waits: {…} }]`, medians of no rounds: each cell once, for `ms`. */
export async function instances({ ms, most }) {
  await buildServer();
  const durable = [1, 2, 3, 4]
    .filter((n) => n <= most)
    .flatMap((n) => [1, 4, 16].map((connections) => ({ name: 'as it is', instances: n, connections })));
  const busiest = { instances: Math.min(2, most), connections: 16 };
  const variants = [
    { ...busiest, name: 'ops one by one', batch: 1 },
    { ...busiest, name: 'a scope per connection', scopes: 'many' },
    { ...busiest, name: 'one row for all', hot: true },
    { ...busiest, name: 'without fsync', fsync: false },
  ];
  const all = [];
  for (const one of [...durable, ...variants]) {
    const measured = await measure({ batch: BATCH, fsync: true, scopes: 'one', hot: false, ms, ...one });
    process.stderr.write(`instances: ${JSON.stringify(measured)}\n`);
    all.push(measured);
  }
  return all;
}

async function measure({ name, instances: count, connections, batch, fsync, scopes, hot, ms }) {
  const cluster = await startPostgres({ fsync });
  const watcher = new pg.Client(cluster.url);
  const children = [];
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  try {
    await watcher.connect();
    for (let n = 0; n < count; n++) {
      const child = fork(join(import.meta.dirname, 'instance.mjs'), [cluster.url, String(POOL), scopes]);
      const [{ port }] = await once(child, 'message');
      children.push({ child, port });
    }
    const load = { agent, children, connections, batch, hot };
    await push({ ...load, ms: Math.min(ms, 1_000), run: 'warm' });
    const waits = watchWaits(watcher);
    const before = await usage(children);
    const { latencies, ops, seconds } = await push({ ...load, ms, run: 'timed' });
    const after = await usage(children);
    const seen = await waits.stop();
    const wrong = await check(watcher, { hot, connections });
    latencies.sort((a, b) => a - b);
    const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
    return {
      name,
      instances: count,
      connections,
      mutationsPerSecond: Math.round(ops / seconds),
      p50: at(0.5),
      p95: at(0.95),
      cores: coresBetween(before, after, seconds),
      waits: seen,
      ...(wrong && { wrong }),
    };
  } finally {
    agent.destroy();
    for (const { child } of children) {
      const gone = once(child, 'exit');
      child.send('end');
      await gone;
    }
    await watcher.end();
    await cluster.stop();
  }
}

let made = 0;

/** Every connection pushes one batch after the other until the time is over. */
async function push({ agent, children, connections, batch, hot, ms, run }) {
  const begun = performance.now();
  const latencies = [];
  let ops = 0;
  const one = async (connection) => {
    const { port } = children[connection % children.length];
    while (performance.now() < begun + ms) {
      const sent = Array.from({ length: batch }, () => opOf(connection, { hot, run }));
      const start = performance.now();
      const { results = [], status } = await post(agent, port, { client: `c${connection}`, ops: sent });
      latencies.push(performance.now() - start);
      if (results.length !== sent.length || results.some((result) => result.status !== 200))
        throw new Error(`instances: ${status} with ${results.length} of ${sent.length} results`);
      ops += sent.length;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => one(connection)));
  return { latencies, ops, seconds: (performance.now() - begun) / 1e3 };
}

function opOf(connection, { hot }) {
  const n = ++made;
  const data = { title: `Row ${n}`, done: n % 2 === 0, rank: n };
  // An insert over the row that everybody writes would be refused: deleted and inserted, it is another step each time.
  if (hot)
    return {
      op: `op-${n}`,
      rev: 0,
      kind: 'group',
      changes: [
        { kind: 'delete', type: 'row', id: '0-hot' },
        { kind: 'insert', type: 'row', id: '0-hot', data },
      ],
    };
  return { op: `op-${n}`, rev: 0, kind: 'insert', type: 'row', id: `${connection}-${n}`, data };
}

function post(agent, port, body) {
  const json = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path: '/sync/ops',
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) },
      },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const answer = JSON.parse(Buffer.concat(parts).toString());
          resolve({ ...answer, status: response.statusCode });
        });
      },
    );
    sent.on('error', reject);
    sent.end(json);
  });
}

/** What sessions of the database are seen doing while they have a transaction open, as shares. */
function watchWaits(client) {
  const counts = new Map();
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const { rows } = await client.query(
        `SELECT CASE WHEN state = 'idle in transaction' THEN 'the instance'
            ELSE coalesce(wait_event_type || ': ' || wait_event, 'nothing, it computes') END AS what, count(*)::integer AS n
          FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            AND state IN ('active', 'idle in transaction') GROUP BY 1`,
      );
      for (const { what, n } of rows) counts.set(what, (counts.get(what) ?? 0) + n);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
      const shares = [...counts].sort(([, a], [, b]) => b - a).slice(0, 4);
      return Object.fromEntries(shares.map(([what, n]) => [what, Math.round((100 * n) / total)]));
    },
  };
}

async function usage(children) {
  const ofInstances = [];
  for (const { child } of children) {
    const answered = once(child, 'message');
    child.send('cpu');
    const [{ cpu }] = await answered;
    ofInstances.push(cpu.user + cpu.system);
  }
  const own = process.cpuUsage();
  const times = cpus().map(({ times: { idle, ...busy } }) => [
    idle,
    Object.values(busy).reduce((a, b) => a + b, 0),
  ]);
  return {
    instances: ofInstances.reduce((a, b) => a + b, 0) / 1e6,
    load: (own.user + own.system) / 1e6,
    machine: times.reduce((sum, [, busy]) => sum + busy, 0) / 1e3,
  };
}

/** Cores in use: by the instances, by what makes the load, by all else (PostgreSQL, on a quiet machine). */
function coresBetween(before, after, seconds) {
  const of = (who) => (after[who] - before[who]) / seconds;
  const rest = Math.max(0, of('machine') - of('instances') - of('load'));
  const round = (n) => Number(n.toFixed(2));
  return { instances: round(of('instances')), load: round(of('load')), rest: round(rest), of: cpus().length };
}

/** Every op has one effect and one record, and the feed has every step, without a gap. */
async function check(client, { hot }) {
  const { rows } = await client.query(`
    SELECT (SELECT count(*) FROM holdfast.op WHERE status = 200)::integer AS ops,
      (SELECT count(*) FROM holdfast.entity)::integer AS entities,
      (SELECT sum(version) FROM holdfast.entity)::integer AS versions,
      (SELECT count(DISTINCT (scope, seq)) FROM holdfast.change)::integer AS changes,
      (SELECT sum(seq) FROM holdfast.scope)::integer AS heads`);
  const [{ ops, entities, versions, changes, heads }] = rows;
  const right = versions === changes && heads === changes && (hot ? entities === 1 : entities === ops);
  return right ? undefined : JSON.stringify(rows[0]);
}
