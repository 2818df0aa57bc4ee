import { createSyncClient } from '../../src/index.js';
import { batches, openRaw, records } from './rawDatabase.js';
import { clientWith, idOf, rename, task, tasks, titleOf } from './tasks.js';
import { equal, timed, type Measurement, type Workload } from './workload.js';

const ROWS = 1_000;
const PENDING = 10_000;
const NAME = 'bench-boot';
const RAW = 'raw-boot';

async function prepare(): Promise<void> {
  const client = await clientWith(ROWS, { name: NAME });
  const stored: Promise<void>[] = [];
  for (let n = 0; n < PENDING; n++)
    stored.push(client.update(tasks, idOf(n % ROWS), { title: titleOf(n) }).enqueued);
  await Promise.all(stored);
  await client.dispose();
  const db = await openRaw(RAW);
  await db.put([...batches(records(PENDING)), { rows: Array.from({ length: ROWS }, (_, n) => task(n)) }]);
}

/** Opens and reads everything, and does nothing with it. */
async function raw(): Promise<Measurement> {
  let found: unknown[] = [];
  const ms = await timed(async () => {
    const db = await openRaw(RAW);
    found = await db.all();
  });
  equal(found.length, Math.ceil(PENDING / 256) + 1, 'records read');
  return { ms };
}

async function holdfast(): Promise<Measurement> {
  const start = performance.now();
  const client = createSyncClient({ name: NAME, collections: [tasks], mutations: [rename] });
  await client.ready;
  const rows = client.query(tasks);
  const ms = performance.now() - start;
  const last = PENDING - ROWS;
  equal(rows.map((row) => row.title).sort(), Array.from(rows, (_, n) => titleOf(last + n)).sort(), 'titles');
  equal([rows.length, client.pending().length], [ROWS, PENDING], 'rows and pending mutations');
  await client.dispose();
  return { ms };
}

export const boot: readonly Workload[] = [
  {
    name: 'cold boot, 1,000 rows and 10,000 pending, until readable',
    unit: 'ms',
    prepare,
    subjects: { 'raw open + getAll': raw, holdfast },
  },
];
