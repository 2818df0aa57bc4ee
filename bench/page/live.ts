import { timed } from './host.js';
import { createServer } from './server.js';
import { idOf, task, titleOf, type Task } from './tasks.js';
import { check, equal, type Measurement, type Workload } from './workload.js';

const ROWS = 100_000;
const LIMIT = 50;
const EDITS = 200;

/** The first 50 undone tasks by position: rows 1, 2, 4, 5, 7, … */
const inside = (n: number): string => idOf(Math.floor(n / 2) * 3 + 1 + (n % 2));
const outside = (n: number): string => idOf(90_000 + ((n * 379) % 10_000));

interface Watched {
  edit(id: string, title: string): Promise<unknown> | undefined;
  read(): readonly Task[] | Promise<readonly Task[]>;
}

/** One row is changed, in turn one that is seen and one that is not, and the result read. */
async function measure({ edit, read }: Watched): Promise<Measurement> {
  const edits = async (from: number, to: number, wrong: number[]): Promise<void> => {
    for (let n = from; n < to; n++) {
      // Who answers at once is not kept waiting.
      let before = read();
      if (before instanceof Promise) before = await before;
      const row = n % 2 === 0 ? inside((n / 2) % LIMIT) : outside(n);
      const done = edit(row, titleOf(n));
      if (done !== undefined) await done;
      let after = read();
      if (after instanceof Promise) after = await after;
      // What is seen has changed in one row; what is not leaves the result as it is, the very same.
      if (n % 2 === 0 ? after.find(({ id }) => id === row)?.title !== titleOf(n) : after !== before)
        wrong.push(n);
    }
  };
  equal(
    (await read()).map(({ id }) => id),
    Array.from({ length: LIMIT }, (_, n) => inside(n)),
    'the result',
  );
  const wrong: number[] = [];
  await edits(0, 50, wrong);
  const ms = await timed(() => edits(50, 50 + EDITS, wrong));
  equal(wrong, [], 'edits after which the result was wrong');
  return { value: ms / EDITS };
}

/** The rows in a Map and those that match in order; a row that changed is looked up by its position. */
function byHand(): Promise<Measurement> {
  const rows = new Map(Array.from({ length: ROWS }, (_, n) => [idOf(n), task(n)]));
  const sorted = [...rows.values()].filter(({ done }) => !done);
  let result: readonly Task[] = sorted.slice(0, LIMIT);
  return measure({
    edit(id, title) {
      const row = { ...rows.get(id)!, title };
      rows.set(id, row);
      if (row.done) return undefined;
      let [low, high] = [0, sorted.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sorted[middle]!.position < row.position) low = middle + 1;
        else high = middle;
      }
      check(sorted[low]?.id === id, 'the row is where it was');
      sorted[low] = row;
      if (low < LIMIT) result = sorted.slice(0, LIMIT);
      return undefined;
    },
    read: () => result,
  });
}

function scan(): Promise<Measurement> {
  const rows = new Map(Array.from({ length: ROWS }, (_, n) => [idOf(n), task(n)]));
  let result: readonly Task[] = [];
  const select = (): void => {
    const next = [...rows.values()]
      .filter(({ done }) => !done)
      .sort((a, b) => a.position - b.position)
      .slice(0, LIMIT);
    if (next.some((row, n) => row !== result[n])) result = next;
  };
  select();
  return measure({
    edit(id, title) {
      rows.set(id, { ...rows.get(id)!, title });
      select();
      return undefined;
    },
    read: () => result,
  });
}

export const live: readonly Workload[] = [
  {
    id: 'live',
    name: 'live query (filter, sort, limit) over 100,000 rows, one changed row',
    unit: 'ms',
    targets: { value: 0.1 },
    floors: { 'kept sorted by hand': byHand, 'filter, sort and slice': scan },
    async run(subject) {
      const server = createServer({ rows: ROWS, silent: true });
      const app = await subject.open({ name: `bench-${crypto.randomUUID()}`, server });
      const query = app.live!();
      const measured = await measure({ edit: (id, title) => app.edit(id, { title }), read: query.read });
      query.close();
      await app.stored();
      await app.close();
      return measured;
    },
  },
];
