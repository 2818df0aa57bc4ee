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
  rowsAfter,
  rowsBefore,
  type Make,
} from './edits.js';
import { timed } from './host.js';
import { batches, openRaw } from './rawDatabase.js';
import { storedRecords } from './readBack.js';
import { tasks } from './tasks.js';
import { equal, type Measurement, type Workload } from './workload.js';

const BATCH = 100; // what `httpTransport` sends at a time

const utf8 = new TextEncoder();
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A server in the page, `ms` away, and what was asked of it. */
interface CountingServer {
  readonly origin: ScriptedServer;
  readonly transport: Transport;
  readonly counts: () => { readonly requests: number; readonly ops: number; readonly 'bytes of ops': number };
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

interface Logged {
  readonly token: string;
  readonly change: Change;
}

/** The last word on each row; what came and went is left out. */
function merged(log: readonly Logged[]): Logged[] {
  const last = new Map<string, Logged>();
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
async function floor(
  ms: number,
  choose: (log: readonly Logged[]) => readonly Logged[],
): Promise<Measurement> {
  const db = await openRaw(`raw-${crypto.randomUUID()}`);
  const server = serverAt(ms);
  await db.put(batches(EDITS.map((one): Logged => ({ token: crypto.randomUUID(), change: changeOf(one) }))));
  const value = await timed(async () => {
    const log = choose(((await db.all()) as { mutations: Logged[] }[]).flatMap(({ mutations }) => mutations));
    for (let from = 0; from < log.length; from += BATCH) {
      const ops = log.slice(from, from + BATCH).map(({ token, change }) => ({
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
  const counts = server.counts();
  checkServer(server, counts.ops);
  db.close();
  return { value, counts };
}

async function holdfast(ms: number, make: Make, mutations: readonly AnyDefinition[]): Promise<Measurement> {
  const name = `bench-${crypto.randomUUID()}`;
  const server = serverAt(ms);
  const { openClient } = await import('./holdfast.js'); // a peer's page must not load our Dexie beside its own
  const client = await openClient({ name, server }, mutations);
  await Promise.all(EDITS.map((one) => make(client, one)));
  equal(client.pending().length, EDITS.length, 'pending mutations');
  const value = await timed(() => {
    client.resume();
    return client.flush();
  });
  const counts = server.counts();
  checkServer(server, counts.ops);
  equal([client.pending().length, client.deadLetters().length], [0, 0], 'pending mutations and dead letters');
  await client.dispose();
  equal(await storedRecords(name, 'log'), 0, 'records left in the log');
  return { value, counts };
}

const at = (ms: number): Workload => ({
  id: `typed-${ms}`,
  name: `drain 10,000 edits of 500 rows, typed in bursts, one row in five a draft thrown away, ${ms} ms server`,
  unit: 'ms',
  long: true,
  floors: {
    'read, merged, batches of 100': () => floor(ms, merged),
    'read, each by itself, batches of 100': () => floor(ms, (log) => log),
  },
  parts: {
    'Holdfast, insert, update, delete': () => holdfast(ms, byBuiltIns, []),
    'Holdfast, named, with coalesce': () => holdfast(ms, by(mergingEdit), [mergingEdit]),
    'Holdfast, named, without coalesce': () => holdfast(ms, by(edit), [edit]),
  },
});

export const coalescing: readonly Workload[] = [at(0), at(20)];
