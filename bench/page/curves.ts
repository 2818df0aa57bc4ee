import type { SyncClient } from '../../src/index.js';
import { heap, timed } from './host.js';
import { openClient } from './holdfast.js';
import { createServer, type Server } from './server.js';
import { idOf, numberOf, task, tasks, titleOf } from './tasks.js';
import { equal } from './workload.js';

/** One point of the cost curves: so many rows, so many of their edits pending. */
export interface Point {
  readonly rows: number;
  readonly pending: number;
}

const WARM_UP = 1_000;
const EDITS = 500;
const PAGE = 10_000;

/** Rows come in pages: a million of them in one would be one transaction. */
function serverOf(rows: number): Server {
  const server = createServer({ rows });
  return {
    ...server,
    transport: {
      ...server.transport,
      pull({ cursor = '0' }) {
        const from = cursor === 'end' ? rows : Number(cursor);
        const to = Math.min(from + PAGE, rows);
        const changes = Array.from({ length: to - from }, (_, i) => {
          const row = server.row(idOf(from + i))!;
          return { collection: tasks.name, id: row.id, row: { ...row }, version: 0, op: undefined };
        });
        const upToDate = to === rows;
        return Promise.resolve({
          kind: 'page',
          page: { changes, cursor: upToDate ? 'end' : String(to), upToDate },
        });
      },
    },
  };
}

const nameOf = ({ rows, pending }: Point): string => `prepared-curve-${rows}-${pending}`;
const titleOfRow = (n: number, { rows, pending }: Point): string => {
  if (n >= pending) return task(n).title;
  return titleOf(pending - 1 - ((pending - 1 - n) % rows));
};

/** All rows are read, every edit waits; what one more edit, one more change of a live query, and the heap cost. */
export async function open(point: Point): Promise<Readonly<Record<string, number>>> {
  const { rows, pending } = point;
  const before = await heap();
  const client = await openClient({ name: nameOf(point), server: serverOf(rows) });
  equal(client.query(tasks).length, rows, 'rows read');
  let stored: Promise<void>[] = [];
  for (let n = 0; n < pending; n++) {
    stored.push(client.update(tasks, idOf(n % rows), { title: titleOf(n) }).enqueued);
    if (n % 1_000 === 999) {
      await Promise.all(stored);
      stored = [];
    }
  }
  await Promise.all(stored);
  const after = await heap();

  const apply = await perEdit(client, rows);
  const watched = { where: { done: false }, orderBy: 'position', limit: 50 } as const;
  const stop = client.subscribe(tasks, undefined, () => undefined);
  client.query(tasks, watched);
  const live = await perEdit(client, rows, () => client.query(tasks, watched));
  stop();
  // The timed edits are taken back: the next page is to find what was asked for.
  const undone = client.pending().slice(pending);
  await Promise.all(undone.map(({ token }) => client.rollback(token)));
  equal(client.pending().length, pending, 'pending edits');
  await client.dispose();
  return {
    'µs to apply an edit': apply,
    'µs to apply it under a live query': live,
    'MiB of heap': (after.bytes - before.bytes) / 2 ** 20,
  };
}

/** µs per edit, read back at once. */
async function perEdit(client: SyncClient, rows: number, look?: () => unknown): Promise<number> {
  const wrong: number[] = [];
  const edits = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      const id = idOf((n * 7919) % rows);
      void client.update(tasks, id, { title: `Measured ${n}` });
      look?.();
      if (client.get(tasks, id)?.title !== `Measured ${n}`) wrong.push(n);
    }
  };
  edits(0, WARM_UP);
  const ms = await timed(() => edits(WARM_UP, WARM_UP + EDITS));
  equal(wrong, [], 'edits that were not readable');
  return (ms * 1e3) / EDITS;
}

/** A later page: until all is readable; then the network is back, until all is decided. */
export async function bootAndSettle(point: Point): Promise<Readonly<Record<string, number>>> {
  const { rows, pending } = point;
  const server = serverOf(rows);
  let client: SyncClient | undefined;
  let all: readonly { readonly id: string; readonly title: string }[] = [];
  const boot = await timed(async () => {
    client = await openClient({ name: nameOf(point), server, restart: true });
    all = client.query(tasks);
  });
  equal(all.length, rows, 'rows after a restart');
  const stale = all.filter(({ id, title }) => title !== titleOfRow(numberOf(id), point));
  equal(stale.length, 0, 'stale rows');
  const settle = await timed(() => {
    client!.resume();
    return client!.flush();
  });
  const lost = Array.from({ length: Math.min(rows, pending) }, (_, n) => n).filter(
    (n) => server.row(idOf(n))?.title !== titleOfRow(n, point),
  );
  equal(lost.length, 0, 'edits that the server does not have');
  await client!.dispose();
  return { 'ms to boot': boot, 'µs to settle a mutation': (settle * 1e3) / pending };
}
