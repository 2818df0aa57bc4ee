import { openDatabase } from './readBack.js';
import { record } from './rawDatabase.js';
import { clientWith, idOf, task, tasks, titleOf, type Task } from './tasks.js';
import { equal, type Measurement, type Workload } from './workload.js';

const ROWS = 100_000;
const PENDING = 10_000;

/** Whatever is held while the heap is read. */
const held: unknown[] = [];

/** The rows themselves and one record per pending mutation, in two Maps. */
async function maps(): Promise<Measurement> {
  const rows = new Map<string, Task>();
  const pending = new Map<number, object>();
  for (let n = 0; n < ROWS; n++) rows.set(idOf(n), task(n));
  for (let n = 0; n < PENDING; n++) pending.set(n, record(n));
  held.push(rows, pending);
  return { ms: 0 };
}

async function holdfast(): Promise<Measurement> {
  const client = await clientWith(ROWS);
  held.push(client);
  for (let n = 0; n < PENDING; n++) client.update(tasks, idOf(n), { title: titleOf(n) });
  await client.sync({ direction: 'push' }); // until it is stored: the client is paused
  const { length } = await openDatabase(`holdfast:${client.namespace}`).all('log');
  equal(length, Math.ceil(PENDING / 256), 'log records');
  equal(client.get(tasks, idOf(PENDING - 1))?.title, titleOf(PENDING - 1), 'the last edited row');
  return { ms: 0 };
}

export const heap: readonly Workload[] = [
  {
    name: 'heap of 100,000 rows and 10,000 pending',
    unit: 'heap MiB',
    subjects: { 'two Maps': maps, holdfast },
  },
];
