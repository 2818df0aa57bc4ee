import { produce } from 'immer';
import { createStore } from 'zustand/vanilla';
import { clientWith, idOf, remove, rename, task, tasks, titleOf, type Task } from './tasks.js';
import { equal, nextTask, type Measurement, type Workload } from './workload.js';
import type { SyncClient } from '../../src/index.js';

const EDITS = 2_000;
const WARM_UP = 1_000;

/** Applies edit `n` and reads it back; returns what is read. */
type Edit = (id: string, n: number) => string | undefined;

/**
 * Edits spread over all rows, each read back at once. Only the synchronous part is timed: that is what a person waits
 * for; the storage follows between the rounds.
 */
async function measure(
  rows: number,
  edit: Edit,
  { edits = EDITS, rest = nextTask }: { edits?: number; rest?: () => Promise<unknown> } = {},
): Promise<Measurement> {
  const wrong: number[] = [];
  const run = (from: number, to: number): number => {
    const start = performance.now();
    for (let n = from; n < to; n++) if (edit(idOf((n * 7919) % rows), n) !== titleOf(n)) wrong.push(n);
    return performance.now() - start;
  };
  await rest();
  run(0, Math.min(WARM_UP, edits));
  let ms = 0;
  for (let round = 0; round < 4; round++) {
    await rest();
    const from = WARM_UP + (round * edits) / 4;
    ms += run(from, from + edits / 4);
  }
  equal(wrong, [], 'edits that were not readable at once');
  return { ms: (ms * EDITS) / edits };
}

function map(rows: number): Promise<Measurement> {
  const table = new Map<string, Task>();
  for (let n = 0; n < rows; n++) table.set(idOf(n), task(n));
  return measure(rows, (id, n) => {
    table.set(id, { ...(table.get(id) as Task), title: titleOf(n) });
    return table.get(id)?.title;
  });
}

/** What many apps have today: one record in one zustand store, changed by Immer. Slow, so it edits less. */
function zustandAndImmer(rows: number): Promise<Measurement> {
  const store = createStore<{ tasks: Record<string, { -readonly [F in keyof Task]: Task[F] }> }>(() => ({
    tasks: Object.fromEntries(Array.from({ length: rows }, (_, n) => [idOf(n), task(n)])),
  }));
  return measure(
    rows,
    (id, n) => {
      store.setState((state) =>
        produce(state, (draft) => {
          (draft.tasks[id] as { title: string }).title = titleOf(n);
        }),
      );
      return store.getState().tasks[id]?.title;
    },
    { edits: rows > 10_000 ? 20 : EDITS },
  );
}

const RECIPE = (client: SyncClient): Edit => {
  return (id, n) => {
    client.update(tasks, id, (draft) => {
      draft.title = titleOf(n);
    });
    return client.get(tasks, id)?.title;
  };
};

const FIELDS = (client: SyncClient): Edit => {
  return (id, n) => {
    client.update(tasks, id, { title: titleOf(n) });
    return client.get(tasks, id)?.title;
  };
};

const NAMED = (client: SyncClient): Edit => {
  return (id, n) => {
    client.mutate(rename, { id, title: titleOf(n) });
    return client.get(tasks, id)?.title;
  };
};

async function holdfast(
  rows: number,
  editWith: (client: SyncClient) => Edit,
  alreadyPending = 0,
): Promise<Measurement> {
  const client = await clientWith(rows);
  // Rows of their own, beyond those that are edited.
  for (let n = 0; n < alreadyPending; n++) client.insert(tasks, task(rows + n));
  const edit = editWith(client);
  const stored = (): Promise<unknown> => client.sync({ direction: 'push' }); // it is paused, so nothing is sent
  const measured = await measure(rows, edit, { rest: stored });
  await stored();
  equal(client.pending().length, alreadyPending + WARM_UP + EDITS, 'pending mutations');
  await remove(client);
  return measured;
}

const of = (rows: number, label: string): Workload => ({
  name: `apply and read back, ${label} rows`,
  unit: 'µs each',
  operations: EDITS,
  long: rows > 10_000,
  subjects: {
    'Map + row copy': () => map(rows),
    'zustand + Immer record': () => zustandAndImmer(rows),
    'update(recipe)': () => holdfast(rows, RECIPE),
    'update(fields)': () => holdfast(rows, FIELDS),
    'mutate(named)': () => holdfast(rows, NAMED),
    'update(recipe), 10,000 others pending': () => holdfast(rows, RECIPE, 10_000),
  },
});

export const apply: readonly Workload[] = [of(1_000, '1,000'), of(100_000, '100,000')];
