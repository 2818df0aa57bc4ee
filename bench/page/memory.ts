import { heap } from './host.js';
import { records } from './rawDatabase.js';
import { storedTitles } from './readBack.js';
import { createServer } from './server.js';
import { idOf, task, titleOf, type Task } from './tasks.js';
import { equal, type Measurement, type Workload } from './workload.js';

const ROWS = 100_000;
const PENDING = 10_000;

/** What `fill` returns and what it keeps, over what was there before. */
async function held(fill: () => Promise<unknown>): Promise<Measurement> {
  const before = await heap();
  const kept = await fill();
  const after = await heap();
  equal(kept === undefined, false, 'nothing kept');
  return { value: (after.bytes - before.bytes) / 2 ** 20 };
}

/** The rows themselves and one record per pending mutation. */
async function maps(): Promise<readonly unknown[]> {
  const rows = new Map<string, Task>();
  for (let n = 0; n < ROWS; n++) rows.set(idOf(n), task(n));
  return [rows, records(PENDING, PENDING)];
}

export const memory: readonly Workload[] = [
  {
    id: 'heap',
    name: 'heap of 100,000 rows and 10,000 pending, over a blank page',
    unit: 'MiB',
    targets: { value: 34 },
    floors: { 'two Maps': () => held(maps) },
    async run(subject) {
      const name = `bench-${crypto.randomUUID()}`;
      let app: Awaited<ReturnType<typeof subject.open>>;
      const measured = await held(async () => {
        app = await subject.open({ name, server: createServer({ rows: ROWS, silent: true }) });
        for (let n = 0; n < PENDING; n++) {
          const edited = app.edit(idOf(n), { title: titleOf(n) });
          if (edited instanceof Promise) await edited;
        }
        await app.stored();
        return app;
      });
      equal((await app!.read(idOf(PENDING - 1)))?.title, titleOf(PENDING - 1), 'the last edited row');
      equal((await storedTitles(name)).size, PENDING, 'edits in the database');
      await app!.close();
      return measured;
    },
  },
];
