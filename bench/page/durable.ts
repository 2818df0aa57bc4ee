import { timed } from './host.js';
import { batches, mergedByRow, openRaw, records, type RawDatabase } from './rawDatabase.js';
import { storedTitles } from './readBack.js';
import { createServer } from './server.js';
import { idOf, lastTitle, titleOf } from './tasks.js';
import { equal, nextTask, type Measurement, type Workload } from './workload.js';

const ROWS = 1_000;
const EDITS = 10_000;

async function raw(
  write: (db: RawDatabase, all: readonly object[]) => Promise<unknown>,
): Promise<Measurement> {
  const name = `raw-${crypto.randomUUID()}`;
  const db = await openRaw(name);
  const all = records(EDITS, ROWS);
  await db.put([{}]);
  const value = await timed(() => write(db, all));
  await checkStored(name);
  db.close();
  return { value };
}

/** The last title of each row is in the database. */
async function checkStored(name: string): Promise<void> {
  const found = await storedTitles(name);
  const titles = new Set([...found].map(titleOf));
  const missing = Array.from({ length: ROWS }, (_, n) => n).filter(
    (n) => !titles.has(lastTitle(n, EDITS, ROWS)),
  );
  equal(missing.length, 0, 'rows whose last edit is not in the database');
}

export const durable: readonly Workload[] = [
  {
    id: 'durable',
    name: '10,000 mutations durable',
    unit: 'ms',
    again: true,
    targets: { value: 70, 'ms again': 70 },
    floors: {
      'one record per batch of 256': () => raw((db, all) => db.put(batches(all))),
      'merged first': () => raw((db, all) => db.put(mergedByRow(all))),
      'one record each': () => raw((db, all) => db.put(all)),
    },
    async run(subject) {
      const name = `bench-${crypto.randomUUID()}`;
      const app = await subject.open({ name, server: createServer({ rows: ROWS, silent: true }) });
      await app.edit(idOf(0), { title: titleOf(0) }); // the first write of a connection opens its files
      await app.stored();
      const value = await timed(async () => {
        for (let n = 0; n < EDITS; n++) {
          const edited = app.edit(idOf(n % ROWS), { title: titleOf(n) });
          if (edited instanceof Promise) edited.catch(() => undefined);
        }
        await app.stored();
      });
      await checkStored(name);
      await app.close();
      return { value };
    },
  },
  {
    id: 'durable-ticks',
    name: '10,000 mutations durable, 100 ticks of 100',
    unit: 'ms',
    ours: true,
    floors: {
      'one record and transaction per tick': () =>
        raw(async (db, all) => {
          const done: Promise<void>[] = [];
          for (let i = 0; i < all.length; i += 100) {
            done.push(db.put([{ mutations: all.slice(i, i + 100) }]));
            await nextTask();
          }
          await Promise.all(done);
        }),
    },
    async run(subject) {
      const name = `bench-${crypto.randomUUID()}`;
      const app = await subject.open({ name, server: createServer({ rows: ROWS, silent: true }) });
      const value = await timed(async () => {
        for (let n = 0; n < EDITS; n++) {
          void app.edit(idOf(n % ROWS), { title: titleOf(n) });
          if (n % 100 === 99) await nextTask();
        }
        await app.stored();
      });
      await checkStored(name);
      await app.close();
      return { value };
    },
  },
];
