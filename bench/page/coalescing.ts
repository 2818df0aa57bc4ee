import { encodeOp } from '../../src/domain/wire.js';
import type { AnyDefinition, Change, Transport } from '../../src/index.js';
import { createScriptedServer, type ScriptedServer } from '../../src/testing/scriptedServer.js';
import {
  by,
  byBuiltIns,
  changeOf,
  edit,
  EDITS,
  mergingEdit,
  ROWS,
  rowsAfter,
  rowsBefore,
  type Make,
} from './edits.js';
import { batches, openRaw, recordOf } from './rawDatabase.js';
import { openDatabase } from './readBack.js';
import { clientWith, remove, tasks } from './tasks.js';
import { equal, timed, type Measurement, type Workload } from './workload.js';

const BATCH = 100; // what `httpTransport` sends at a time

const utf8 = new TextEncoder();
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A server in the page, `ms` away, and what was asked of it. */
interface CountingServer {
  readonly origin: ScriptedServer;
  readonly transport: Transport;
  readonly counts: () => Readonly<Record<string, number>>;
}

function serverAt(ms: number): CountingServer {
  const origin = createScriptedServer({ limits: { maxBatch: BATCH } });
  for (const row of rowsBefore()) origin.put(tasks.name, row.id, { ...row });
  const bodies: string[][] = [];
  return {
    origin,
    transport: {
      ...origin,
      async push(sealed, context) {
        bodies.push(sealed.map(({ body }) => body));
        const replies = await origin.push(sealed, context);
        if (ms > 0) await after(ms);
        return replies;
      },
      async pull(request) {
        const page = await origin.pull(request);
        if (ms > 0) await after(ms);
        return page;
      },
    },
    // Read when the time has been taken.
    counts: () => ({
      requests: bodies.length,
      ops: bodies.flat().length,
      'bytes of ops': bodies.flat().reduce((sum, body) => sum + utf8.encode(body).length, 0),
    }),
  };
}

/** Every edit has arrived, once, and nothing else. */
function checkServer({ origin }: CountingServer, ops: number): void {
  const rows = [...origin.rows(tasks.name).values()];
  const byId = (list: readonly object[]): string[] => list.map((row) => JSON.stringify(row)).sort();
  equal(byId(rows), byId(rowsAfter()), 'the rows on the server');
  equal(new Set(origin.journal.map(({ key }) => key)).size, ops, 'ops that took effect');
  equal(origin.journal.length, ops, 'effects');
}

/** A change and the token of the mutation it is the last of. */
type Draft = { token: string; change: Change };

/** The last word on each row; what came and went is left out. */
function merged(log: Iterable<Draft>): Draft[] {
  const last = new Map<string, Draft>();
  for (const { token, change } of log) {
    const { id } = change;
    const before = last.get(id)?.change;
    if (change.kind === 'update' && before?.kind === 'insert')
      last.set(id, { token, change: { ...before, row: { ...before.row, ...change.patch } } });
    else if (change.kind === 'update' && before?.kind === 'update')
      last.set(id, { token, change: { ...change, patch: { ...before.patch, ...change.patch } } });
    else if (change.kind === 'delete' && before?.kind === 'insert') last.delete(id);
    else last.set(id, { token, change });
  }
  return [...last.values()];
}

/** The least there is to do: read the log, send it in batches, and store each answer. */
async function floor(ms: number, choose: (log: Draft[]) => Draft[]): Promise<Measurement> {
  const db = await openRaw(`raw-${crypto.randomUUID()}`);
  const server = serverAt(ms);
  await db.put(batches(EDITS.map((one, n) => recordOf(n, changeOf(one)))));
  let sent = 0;
  const took = await timed(async () => {
    const log = ((await db.all()) as { mutations: ReturnType<typeof recordOf>[] }[])
      .flatMap(({ mutations }) => mutations)
      .map(({ token, changes }) => ({ token, change: changes[0]! }));
    const drafts = choose(log);
    sent = drafts.length;
    for (let from = 0; from < drafts.length; from += BATCH) {
      const ops = drafts.slice(from, from + BATCH).map(({ token, change }) => ({
        token,
        rev: 0,
        resent: false,
        body: encodeOp({
          token,
          rev: 0,
          changes: [change],
          versions: [],
          rows: [],
          command: undefined,
          after: [],
        }),
      }));
      const replies = await server.transport.push(ops, { signal: new AbortController().signal });
      await db.put(replies);
    }
  });
  checkServer(server, sent);
  await db.remove();
  return { ms: took, counts: server.counts() };
}

async function holdfast(ms: number, make: Make, mutations: readonly AnyDefinition[]): Promise<Measurement> {
  const server = serverAt(ms);
  const client = await clientWith(ROWS, { transport: server.transport, mutations });
  await Promise.all(EDITS.map((one) => make(client, one)));
  equal(client.pending().length, EDITS.length, 'pending mutations');
  const took = await timed(async () => {
    client.resume();
    await client.flush();
  });
  const counts = server.counts();
  checkServer(server, counts['ops'] ?? NaN);
  equal([client.pending().length, client.deadLetters().length], [0, 0], 'pending mutations and dead letters');
  equal(await openDatabase(`holdfast:${client.namespace}`).all('log'), [], 'the log');
  await remove(client);
  return { ms: took, counts };
}

const at = (ms: number): Workload => ({
  name: `drain 10,000 typed edits of 500 rows, server ${ms} ms away`,
  unit: 'ms',
  long: true,
  subjects: {
    'raw, merged': () => floor(ms, merged),
    'raw, one by one': () => floor(ms, (log) => log),
    'insert, update, delete': () => holdfast(ms, byBuiltIns, []),
    'named, with coalesce': () => holdfast(ms, by(mergingEdit), [mergingEdit]),
    'named, without coalesce': () => holdfast(ms, by(edit), [edit]),
  },
});

export const coalescing: readonly Workload[] = [at(0), at(20)];
