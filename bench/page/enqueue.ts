import { openDatabase } from './readBack.js';
import { batches, openRaw, records, type RawDatabase } from './rawDatabase.js';
import { clientWith, idOf, remove, tasks, titleOf } from './tasks.js';
import { equal, nextTask, timed, type Measurement, type Workload } from './workload.js';

const ROWS = 1_000;
const COUNT = 10_000;

async function raw(
  write: (db: RawDatabase, all: readonly object[]) => Promise<unknown>,
  stored: number,
): Promise<Measurement> {
  const db = await openRaw(`raw-${crypto.randomUUID()}`);
  const all = records(COUNT);
  await db.put([{}]);
  const ms = await timed(() => write(db, all));
  equal(await db.count(), stored + 1, 'records in the database');
  await db.remove();
  return { ms };
}

/** From the first call until every `enqueued` has resolved: the transaction has completed on disk. */
async function holdfast(ticks: number): Promise<Measurement> {
  const client = await clientWith(ROWS);
  const edit = (n: number): Promise<void> =>
    client.update(tasks, idOf(n % ROWS), { title: titleOf(n) }).enqueued;
  await edit(0); // the first write of a connection opens its files
  let calls = 0;
  const ms = await timed(async () => {
    const stored: Promise<void>[] = [];
    for (let tick = 0; tick < ticks; tick++) {
      const start = performance.now();
      for (let i = 0; i < COUNT / ticks; i++) stored.push(edit(1 + stored.length));
      calls += performance.now() - start;
      if (ticks > 1) await nextTask();
    }
    await Promise.all(stored);
  });
  const log = await openDatabase(`holdfast:${client.namespace}`).all('log');
  const titles = log.flatMap((r) =>
    (r as { mutations: { changes: { patch: { title: string } }[] }[] }).mutations.map(
      (m) => m.changes[0]?.patch.title,
    ),
  );
  equal(
    titles,
    Array.from({ length: COUNT + 1 }, (_, n) => titleOf(n)),
    'the log, in order',
  );
  await remove(client);
  return { ms, counts: { records: log.length, 'ms in the calls': Math.round(calls) } };
}

export const enqueue: readonly Workload[] = [
  {
    name: '10,000 mutations durable, one tick',
    unit: 'ms',
    subjects: {
      'raw, one record per 256': () => raw((db, all) => db.put(batches(all)), Math.ceil(COUNT / 256)),
      'raw, one record each': () => raw((db, all) => db.put(all), COUNT),
      holdfast: () => holdfast(1),
    },
  },
  {
    name: '10,000 mutations durable, 100 ticks of 100',
    unit: 'ms',
    subjects: {
      'raw, one record and transaction per tick': () =>
        raw(async (db, all) => {
          const done: Promise<void>[] = [];
          for (let i = 0; i < all.length; i += 100) {
            done.push(db.put([{ mutations: all.slice(i, i + 100) }]));
            await nextTask();
          }
          await Promise.all(done);
        }, 100),
      holdfast: () => holdfast(100),
    },
  },
];
