import { timed } from './host.js';
import { createServer } from './server.js';
import { idOf, task, titleOf } from './tasks.js';
import { equal, rest, type Workload } from './workload.js';

const EDITS = 100;
const ID = idOf(0);
const LAST = titleOf(EDITS - 1);

/**
 * Offline, one edit sets a field to what the server does not accept, and 99 more set the title. Right is the last title
 * and the old field, and the last title all the while.
 */
export const refused: readonly Workload[] = [
  {
    id: 'refused',
    name: '100 pending on one row, the first refused, 20 ms server',
    unit: 'ms',
    again: true,
    targets: { value: 80, 'ms again': 80, 'ms wrong': 0, requests: 5 },
    async run(subject) {
      const server = createServer({ rows: 1, ms: 20, refuses: ({ position = 0 }) => position < 0 });
      const app = await subject.open({ name: `bench-${crypto.randomUUID()}`, server });
      await app.edit(ID, { position: -1 });
      for (let n = 1; n < EDITS; n++) {
        const edited = app.edit(ID, { title: titleOf(n) });
        if (edited instanceof Promise) await edited;
      }
      await app.stored();
      await rest();
      let wrongSince: number | undefined;
      let wrongFor = 0;
      const look = (title: string | undefined): void => {
        const now = performance.now();
        if (wrongSince !== undefined) wrongFor += now - wrongSince;
        wrongSince = title === LAST ? undefined : now;
      };
      const stop = app.watch?.(ID, (row) => look(row?.title));
      const value = await timed(() => app.drain());
      look((await app.read(ID))?.title);
      stop?.();
      const row = await app.read(ID);
      const counts = { 'ms wrong': wrongFor, requests: server.counts().requests };
      await app.close();
      const right = { title: LAST, position: task(0).position };
      const seen = (of: typeof row): string =>
        `${of?.title === LAST ? 'the last title' : `"${of?.title}"`}, ${of?.position}`;
      const ends = [`shows ${seen(row)}`, `the server has ${seen(server.row(ID))}`];
      const wrong = [row, server.row(ID)].some(
        (one) => one?.title !== right.title || one.position !== right.position,
      );
      if (wrong) return { value, counts, wrong: ends.join('; ') };
      equal(server.row(ID)?.title, LAST, 'the title on the server');
      return { value, counts };
    },
  },
];
