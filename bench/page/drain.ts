import { longestTask, timed } from './host.js';
import { batches, mergedByRow, openRaw, records, type EditRecord } from './rawDatabase.js';
import { storedTitles } from './readBack.js';
import { createServer, type Server } from './server.js';
import type { App, Subject } from './subject.js';
import { idOf, lastTitle, titleOf } from './tasks.js';
import { equal, rest, type Measurement, type Workload } from './workload.js';

interface Plan {
  readonly edits: number;
  readonly rows: number;
  readonly ms: number;
}

/** Every row on the server has its last title. */
function checkServer(server: Server, { edits, rows }: Plan): void {
  const wrong = server.rows().filter(({ title }, n) => title !== lastTitle(n, edits, rows));
  equal(wrong.length, 0, 'rows on the server without their last edit');
}

/** The least there is to do: read the log, merge it by row, send that, and take the answer over. */
async function floor(plan: Plan, measured: typeof timed): Promise<Measurement> {
  const db = await openRaw(`raw-${crypto.randomUUID()}`);
  const server = createServer(plan);
  await db.put(batches(records(plan.edits, plan.rows)));
  await rest();
  const value = await measured(async () => {
    const log = ((await db.all()) as { mutations: EditRecord[] }[]).flatMap(({ mutations }) => mutations);
    const rows = await server.write(
      (mergedByRow(log) as EditRecord[]).map(({ id, patch }) => ({ id, fields: patch })),
    );
    await db.put([{ rows }]);
  });
  checkServer(server, plan);
  db.close();
  return { value, counts: server.counts() };
}

async function filled(subject: Subject, name: string, server: Server, { edits, rows }: Plan): Promise<App> {
  const app = await subject.open({ name, server });
  for (let n = 0; n < edits; n++) {
    const edited = app.edit(idOf(n % rows), { title: titleOf(n) });
    if (edited instanceof Promise) await edited;
  }
  await app.stored();
  await rest();
  equal(server.counts().requests, 0, 'requests before the drain');
  return app;
}

async function drained(subject: Subject, plan: Plan, measured: typeof timed): Promise<Measurement> {
  const name = `bench-${crypto.randomUUID()}`;
  const server = createServer(plan);
  const app = await filled(subject, name, server, plan);
  const value = await measured(() => app.drain());
  const counts = server.counts();
  checkServer(server, plan);
  const shown = await app.all();
  equal(
    shown.filter(({ id, title }) => title !== server.row(id)?.title).length,
    0,
    'rows that are shown otherwise than the server has them',
  );
  await app.close();
  if (subject.leavesNothing) {
    const isLast = (n: number): boolean => titleOf(n) === lastTitle(n % plan.rows, plan.edits, plan.rows);
    const left = [...(await storedTitles(name))].filter((n) => !isLast(n));
    equal(left, [], 'settled edits that are still in the database');
  }
  return { value, counts };
}

const many: Plan = { edits: 10_000, rows: 500, ms: 0 };
const few: Plan = { edits: 1_000, rows: 50, ms: 20 };

export const drain: readonly Workload[] = [
  {
    id: 'drain-10000',
    name: 'drain 10,000 edits of 500 rows, 0 ms server',
    unit: 'ms',
    again: true,
    targets: { value: 60, 'ms again': 60, requests: 5, changes: 500 },
    floors: { 'read, merged, one request': () => floor(many, timed) },
    run: (subject) => drained(subject, many, timed),
  },
  {
    id: 'drain-1000',
    name: 'drain 1,000 edits of 50 rows, 20 ms server',
    unit: 'ms',
    again: true,
    targets: { value: 35, 'ms again': 35 },
    floors: { 'read, merged, one request': () => floor(few, timed) },
    run: (subject) => drained(subject, few, timed),
  },
  {
    id: 'drain-longest-task',
    name: 'longest task while 10,000 edits drain',
    unit: 'ms',
    targets: { value: 16 },
    ours: true,
    floors: { 'read, merged, one request': () => floor(many, longestTask) },
    run: (subject) => drained(subject, many, longestTask),
  },
];
