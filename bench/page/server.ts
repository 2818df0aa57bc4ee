import type { ServerRow } from '../../src/domain/entity.js';
import { encodeOp } from '../../src/domain/wire.js';
import type { Reply, Transport } from '../../src/index.js';
import { idOf, numberOf, task, tasks, type Task } from './tasks.js';

export interface Write {
  readonly id: string;
  readonly fields: Partial<Task>;
}

/** A server in the page, some time away. It copies what goes in and out, as a network does. */
export interface Server {
  /** The rows as they are now. Always at once: only writing takes time. */
  list(): Promise<Task[]>;
  /** One request of a library that brings its own protocol: each row as it is then, or undefined if it is refused. */
  write(changes: readonly Write[]): Promise<(Task | undefined)[]>;
  /** The same server in Holdfast's protocol. */
  readonly transport: Transport;
  row(id: string): Task | undefined;
  rows(): Task[];
  readonly counts: () => { readonly requests: number; readonly changes: number };
}

export interface ServerOptions {
  readonly rows: number;
  /** Milliseconds until it answers. @default 0 */
  readonly ms?: number;
  /** Changes it refuses. @default none */
  readonly refuses?: (fields: Partial<Task>) => boolean;
  /** Never answers a write. */
  readonly silent?: boolean;
}

interface WireUpdate {
  readonly id: string;
  readonly patch: Partial<Task>;
}

export function createServer({
  rows: count,
  ms = 0,
  refuses = () => false,
  silent = false,
}: ServerOptions): Server {
  // Only what has been written is kept: the heap is to hold the library's rows, not the server's too.
  const written = new Map<string, Task>();
  let requests = 0;
  let changes = 0;
  let version = 1;

  const row = (id: string): Task | undefined => {
    const n = numberOf(id);
    return n < count ? (written.get(id) ?? task(n)) : undefined;
  };
  const rows = (): Task[] => Array.from({ length: count }, (_, n) => ({ ...row(idOf(n))! }));
  const set = (id: string, fields: Partial<Task>): Task | undefined => {
    changes++;
    const before = row(id);
    if (before === undefined || refuses(fields)) return undefined;
    const after = { ...before, ...fields };
    written.set(id, after);
    return after;
  };
  const away = (): Promise<void> => {
    requests++;
    if (silent) return new Promise(() => undefined);
    return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
  };
  const told = (one: Task): ServerRow => ({
    collection: tasks.name,
    id: one.id,
    row: { ...one },
    version: version++,
  });

  return {
    row,
    rows,
    counts: () => ({ requests, changes }),
    list: () => Promise.resolve(rows()),
    async write(sent) {
      const arrived = JSON.parse(JSON.stringify(sent)) as Write[];
      await away();
      return arrived.map(({ id, fields }) => {
        const after = set(id, fields);
        return after && { ...after };
      });
    },
    transport: {
      ordered: true,
      limits: { maxBatch: 100, maxBytes: 512 * 1024 }, // as httpTransport has them
      encode: encodeOp,
      async push(ops) {
        await away();
        return ops.map(({ body }): Reply => {
          const { id, patch } = JSON.parse(body) as WireUpdate;
          const after = set(id, patch);
          if (after !== undefined) return { kind: 'answer', status: 200, rows: [told(after)] };
          return { kind: 'answer', status: 422, rows: [], problem: { type: 'invalid', title: 'refused' } };
        });
      },
      async pull({ cursor }) {
        const changed = cursor === undefined ? rows().map((one) => ({ ...told(one), op: undefined })) : [];
        return { kind: 'page', page: { changes: changed, cursor: 'end', upToDate: true } };
      },
    },
  };
}
