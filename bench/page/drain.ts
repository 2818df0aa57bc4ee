import { createScriptedServer, type ScriptedServer } from '../../src/testing/scriptedServer.js';
import type { Transport } from '../../src/index.js';
import { openDatabase } from './readBack.js';
import { batches, openRaw, records } from './rawDatabase.js';
import { clientWith, idOf, remove, task, tasks, titleOf } from './tasks.js';
import { equal, timed, type Measurement, type Workload } from './workload.js';

const ROWS = 500;
const EDITS = 10_000;
const PAGE = 500;

/** A server in the page that answers at once. */
function server(): ScriptedServer {
  const scripted = createScriptedServer({ limits: { maxBatch: PAGE, maxBytes: 1_000_000 } });
  for (let n = 0; n < ROWS; n++) scripted.put(tasks.name, idOf(n), { ...task(n) });
  return scripted;
}

/** The least there is to do: read the log, merge it by row, send that once, and take log and rows over. */
async function floor(): Promise<Measurement> {
  const db = await openRaw(`raw-${crypto.randomUUID()}`);
  const origin = server();
  const edits = records(EDITS) as { changes: { id: string; patch: object }[] }[];
  edits.forEach((edit, n) => (edit.changes[0]!.id = idOf(n % ROWS)));
  await db.put(batches(edits));
  const ms = await timed(async () => {
    const merged = new Map<string, object>();
    for (const batch of (await db.all()) as { mutations: typeof edits }[])
      for (const { changes } of batch.mutations)
        for (const { id, patch } of changes) merged.set(id, { ...merged.get(id), ...patch });
    const ops = [...merged].map(([id, patch]) => ({
      token: `token-${id}`,
      rev: 0,
      body: JSON.stringify({
        op: `token-${id}`,
        rev: 0,
        kind: 'update',
        type: tasks.name,
        id,
        patch,
        unset: [],
        after: [],
      }),
    }));
    const replies = await origin.push(ops, { signal: new AbortController().signal });
    await db.put(replies);
  });
  equal(origin.get(tasks.name, idOf(ROWS - 1))?.['title'], titleOf(EDITS - 1), 'the last row on the server');
  await db.remove();
  return { ms, counts: { requests: 1, ops: ROWS } };
}

async function holdfast(): Promise<Measurement> {
  const origin = server();
  let requests = 0;
  let ops = 0;
  const transport: Transport = {
    ...origin,
    push(sealed, context) {
      requests++;
      ops += sealed.length;
      return origin.push(sealed, context);
    },
  };
  const client = await clientWith(ROWS, { transport });
  const stored: Promise<void>[] = [];
  for (let n = 0; n < EDITS; n++)
    stored.push(client.update(tasks, idOf(n % ROWS), { title: titleOf(n) }).enqueued);
  await Promise.all(stored);
  const ms = await timed(async () => {
    client.resume();
    await client.flush();
  });
  equal(
    Array.from({ length: ROWS }, (_, n) => origin.get(tasks.name, idOf(n))?.['title']),
    Array.from({ length: ROWS }, (_, n) => titleOf(EDITS - ROWS + n)),
    'rows on the server',
  );
  equal(await openDatabase(`holdfast:${client.namespace}`).all('log'), [], 'the log');
  await remove(client);
  return { ms, counts: { requests, ops } };
}

export const drain: readonly Workload[] = [
  {
    name: 'drain 10,000 edits of 500 rows, server answers at once',
    unit: 'ms',
    subjects: { 'raw, merged, one request': floor, holdfast },
  },
];
