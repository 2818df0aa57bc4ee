import { longestTask, timed } from './host.js';
import { answer } from './readBack.js';
import { createServer } from './server.js';
import { idOf, lastTitle, tasks, titleOf } from './tasks.js';
import { equal, type Measurement, type Workload } from './workload.js';

const ROWS = 1_000;
const MILLION = 1_000_000;

/** How many edits are in the log, and whether the last one of each row is among them; one record at a time. */
async function checkLog(name: string): Promise<void> {
  const { name: database } = (await indexedDB.databases()).find((db) => db.name?.includes(name))!;
  const db = await answer(indexedDB.open(database!));
  const log = db.transaction('log').objectStore('log');
  let edits = 0;
  const missing = new Set(Array.from({ length: ROWS }, (_, n) => lastTitle(n, MILLION, ROWS)));
  for (const key of await answer(log.getAllKeys())) {
    const text = JSON.stringify(await answer(log.get(key)));
    edits += text.split('@update').length - 1;
    if (edits > MILLION - 2 * ROWS)
      for (const title of missing) if (text.includes(title)) missing.delete(title);
  }
  db.close();
  equal([edits, missing.size], [MILLION, 0], 'edits in the log, rows without their last one');
}

async function million(): Promise<Measurement> {
  const { openClient } = await import('./holdfast.js');
  const name = `bench-${crypto.randomUUID()}`;
  const client = await openClient({ name, server: createServer({ rows: ROWS, silent: true }) });
  let wrong = 0;
  let last: Promise<void> | undefined;
  const looped = await timed(() => {
    for (let n = 0; n < MILLION; n++) {
      last = client.update(tasks, idOf(n % ROWS), { title: titleOf(n) }).enqueued;
      if (client.get(tasks, idOf(n % ROWS))?.title !== titleOf(n)) wrong++;
    }
  });
  let stored = 0;
  const longest = await longestTask(async () => {
    stored = await timed(() => last);
  });
  equal([wrong, client.pending().length], [0, MILLION], 'edits that were not readable, and pending');
  await client.dispose();
  await checkLog(name);
  return { value: longest, counts: { 'µs per call': (looped * 1e3) / MILLION, 'ms until stored': stored } };
}

export const limits: readonly Workload[] = [
  {
    id: 'limits-million',
    name: 'a million edits in one loop, longest task after it',
    unit: 'ms',
    ours: true,
    long: true,
    parts: { Holdfast: million },
  },
];
