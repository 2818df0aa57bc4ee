import { produce } from 'immer';
import { createStore } from 'zustand/vanilla';
import { timed } from './host.js';
import { createServer } from './server.js';
import type { App, Subject } from './subject.js';
import { idOf, task, titleOf, type Task } from './tasks.js';
import { equal, type Measurement, type Workload } from './workload.js';

const EDITS = 2_000;
const ROUNDS = 4;
const PENDING = 10_000;
const LAST = 100;

/** Sets the title of a row and reads it back; a promise where the library shows it later. */
type Edit = (id: string, title: string) => string | undefined | Promise<string | undefined>;

interface Plan {
  readonly rows: number;
  /** The edits before count as warming up. */
  readonly from: number;
  readonly to: number;
  readonly wrong: number[];
}

/** Edits spread over all rows, each read back at once. Stops after `most` milliseconds; returns how many were made. */
async function editAll(edit: Edit, { rows, from, to, wrong }: Plan, most = Infinity): Promise<number> {
  const until = performance.now() + most;
  for (let n = from; n < to; n++) {
    const reading = edit(idOf((n * 7919) % rows), titleOf(n));
    const seen = reading instanceof Promise ? await reading : reading;
    if (seen !== titleOf(n)) wrong.push(n);
    if (most !== Infinity && performance.now() > until) return n + 1 - from;
  }
  return to - from;
}

/** µs per edit. What is stored in the background is stored between the rounds: nobody waits for it. */
async function perEdit(rows: number, edit: Edit): Promise<Measurement> {
  const wrong: number[] = [];
  await editAll(edit, { rows, from: 0, to: 1_000, wrong }, 1_000);
  let ms = 0;
  let made = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await pause();
    const from = 1_000 + round * EDITS;
    ms += await timed(async () => {
      made += await editAll(edit, { rows, from, to: from + EDITS / ROUNDS, wrong }, 500);
    });
  }
  equal(wrong, [], 'edits that were not readable');
  return { value: (ms * 1e3) / made };
}

/** Time for what is stored in the background. Not `stored()`: some look into IndexedDB for that, over and over. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 250));

function byMap(rows: number): Edit {
  const table = new Map<string, Task>();
  for (let n = 0; n < rows; n++) table.set(idOf(n), task(n));
  return (id, title) => {
    table.set(id, { ...table.get(id)!, title });
    return table.get(id)?.title;
  };
}

/** What many apps have today: one record in one zustand store, changed by Immer. */
function byImmer(rows: number): Edit {
  const store = createStore<{ tasks: Record<string, { -readonly [F in keyof Task]: Task[F] }> }>(() => ({
    tasks: Object.fromEntries(Array.from({ length: rows }, (_, n) => [idOf(n), task(n)])),
  }));
  return (id, title) => {
    store.setState((state) => produce(state, (draft) => void (draft.tasks[id]!.title = title)));
    return store.getState().tasks[id]?.title;
  };
}

function byApp(app: App): Edit {
  const read = (id: string): string | undefined | Promise<string | undefined> => {
    const row = app.read(id);
    return row instanceof Promise ? row.then((one) => one?.title) : row?.title;
  };
  return (id, title) => {
    const edited = app.edit(id, { title });
    return edited instanceof Promise ? edited.then(() => read(id)) : read(id);
  };
}

async function opened(subject: Subject, rows: number): Promise<App> {
  return subject.open({ name: `bench-${crypto.randomUUID()}`, server: createServer({ rows, silent: true }) });
}

const at = (rows: number, label: string): Workload => ({
  id: `apply-${rows}`,
  name: `apply until readable, per mutation, ${label} rows`,
  unit: 'µs',
  targets: { value: 10 },
  variants: true,
  floors: {
    'Map and row copy': () => perEdit(rows, byMap(rows)),
    'zustand with Immer record': () => perEdit(rows, byImmer(rows)),
  },
  async run(subject) {
    const app = await opened(subject, rows);
    const measured = await perEdit(rows, byApp(app));
    await app.close();
    return measured;
  },
});

/** µs per edit of the last ones, when all others wait to be sent. */
async function lastOfMany(edit: Edit): Promise<Measurement> {
  const rows = 1_000;
  const wrong: number[] = [];
  for (let n = 0; n < PENDING - LAST; n += LAST) await editAll(edit, { rows, from: n, to: n + LAST, wrong });
  await pause();
  const ms = await timed(() => editAll(edit, { rows, from: PENDING - LAST, to: PENDING, wrong }));
  equal(wrong, [], 'edits that were not readable');
  return { value: (ms * 1e3) / LAST };
}

const unsettled: Workload = {
  id: 'apply-unsettled',
  name: 'the same, the last 100 of 10,000 unsettled',
  unit: 'µs',
  targets: { value: 10 },
  floors: { 'Map and row copy': () => lastOfMany(byMap(1_000)) },
  async run(subject) {
    const app = await opened(subject, 1_000);
    const measured = await lastOfMany(byApp(app));
    await app.close();
    return measured;
  },
};

export const apply: readonly Workload[] = [at(1_000, '1,000'), at(100_000, '100,000'), unsettled];
