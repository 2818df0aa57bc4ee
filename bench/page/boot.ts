import { longestTask, timed } from './host.js';
import { batches, mergedByRow, openRaw, records, type EditRecord } from './rawDatabase.js';
import { createServer } from './server.js';
import type { App, Subject } from './subject.js';
import { idOf, lastTitle, task, titleOf, type Task } from './tasks.js';
import { equal, type Measurement, type Workload } from './workload.js';

const EDITED = 1_000;
const EDITS = 10_000;

/** One of its own per workload, so that each can be prepared by itself. */
const nameOf = (workload: string, subject?: Subject): string =>
  `prepared-${workload}-${subject?.id ?? 'floor'}`;
const titleAfter = (n: number): string => (n < EDITED ? lastTitle(n, EDITS, EDITED) : task(n).title);

/** The rows, and what was edited offline before the tab was closed. */
async function prepare(workload: string, rows: number, subject: Subject | undefined): Promise<void> {
  if (subject === undefined) {
    const log = records(EDITS, EDITED);
    const base = Array.from({ length: rows }, (_, n) => task(n));
    for (const [way, stored] of Object.entries({
      each: log,
      batches: batches(log),
      merged: mergedByRow(log),
    })) {
      const db = await openRaw(`${nameOf(workload)}-${way}`);
      await db.put([...stored, { rows: base }]);
      db.close();
    }
    return;
  }
  const server = createServer({ rows, silent: true });
  const app = await subject.open({ name: nameOf(workload, subject), server });
  for (let n = 0; n < EDITS; n++) {
    const edited = app.edit(idOf(n % EDITED), { title: titleOf(n) });
    if (edited instanceof Promise) await edited;
  }
  await app.stored();
  await app.close();
}

/** Opens, reads everything, and puts the edits on the rows. */
async function floor(workload: string, rows: number, way: string, measured = timed): Promise<Measurement> {
  let view = new Map<string, Task>();
  const value = await measured(async () => {
    const db = await openRaw(`${nameOf(workload)}-${way}`);
    const found = (await db.all()) as { rows?: Task[]; mutations?: EditRecord[] }[];
    view = new Map((found.pop()?.rows ?? []).map((row) => [row.id, row]));
    const log =
      way === 'batches'
        ? found.flatMap(({ mutations = [] }) => mutations)
        : (found as unknown as EditRecord[]);
    for (const { id, patch } of log) view.set(id, { ...view.get(id)!, ...patch });
    db.close();
  });
  return { value, ...judge([...view.values()], rows, true) };
}

async function booted(
  workload: string,
  rows: number,
  subject: Subject,
  measured = timed,
): Promise<Measurement> {
  const server = createServer({ rows, silent: true });
  let all: readonly Task[] = [];
  let app: App | undefined;
  const value = await measured(async () => {
    app = await subject.open({ name: nameOf(workload, subject), server, restart: true });
    all = await app.all();
  });
  await app?.close();
  return { value, ...judge(all, rows) };
}

/** What is shown first: rows with an older title are stale, rows that nobody has are ghosts. */
function judge(all: readonly Task[], rows: number, strict = false): Pick<Measurement, 'wrong'> {
  const byId = new Map(all.map((row) => [row.id, row]));
  let stale = 0;
  for (let n = 0; n < rows; n++) if (byId.get(idOf(n))?.title !== titleAfter(n)) stale++;
  const ghosts = all.length - rows;
  if (strict) equal([stale, ghosts], [0, 0], 'stale rows and ghosts');
  const wrong = [stale > 0 && `${stale} rows stale or missing`, ghosts > 0 && `${ghosts} ghosts`].filter(
    Boolean,
  );
  return wrong.length > 0 ? { wrong: wrong.join(', ') } : {};
}

const LARGE = 100_000;

export const boot: readonly Workload[] = [
  {
    id: 'boot',
    name: 'cold boot, 1,000 rows and 10,000 pending, until readable',
    unit: 'ms',
    targets: { value: 45 },
    floors: {
      'one record per batch of 256': () => floor('boot', EDITED, 'batches'),
      'merged first': () => floor('boot', EDITED, 'merged'),
      'one record each': () => floor('boot', EDITED, 'each'),
    },
    prepare: (subject) => prepare('boot', EDITED, subject),
    run: (subject) => booted('boot', EDITED, subject),
  },
  {
    id: 'boot-100000',
    name: 'cold boot, 100,000 rows and 10,000 pending, until readable',
    unit: 'ms',
    targets: { value: 400 },
    ours: true,
    floors: { 'one record per batch of 256': () => floor('boot-100000', LARGE, 'batches') },
    prepare: (subject) => prepare('boot-100000', LARGE, subject),
    run: (subject) => booted('boot-100000', LARGE, subject),
  },
  {
    id: 'boot-longest-task',
    name: 'the same, its longest task',
    unit: 'ms',
    targets: { value: 50 },
    ours: true,
    long: true,
    floors: {
      'one record per batch of 256': () => floor('boot-longest-task', LARGE, 'batches', longestTask),
    },
    prepare: (subject) => prepare('boot-longest-task', LARGE, subject),
    run: (subject) => booted('boot-longest-task', LARGE, subject, longestTask),
  },
];
