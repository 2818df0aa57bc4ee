import type { Transport } from '../../src/index.js';
import type { ScriptedServer } from '../../src/testing.js';

type Ops = Parameters<Transport['push']>[0];
type Row = NonNullable<Parameters<ScriptedServer['put']>[2]>;

/** What happened to the server. */
type Event =
  | { readonly kind: 'push'; readonly ops: Ops }
  | { readonly kind: 'put'; readonly collection: string; readonly id: string; readonly row: Row };

export type RememberedServer = Pick<
  ScriptedServer,
  'ordered' | 'limits' | 'encode' | 'push' | 'pull' | 'snapshots' | 'changes'
> & {
  /** Somebody else writes a row. */
  put(collection: string, id: string, row: Row): Promise<void>;
};

/**
 * A server in the page that a reload does not empty: what happened to it is kept in `localStorage`, and happens again
 * to the new one, which then has the same rows, versions and answers.
 */
export function rememberedServer(server: ScriptedServer, key: string): RememberedServer {
  const never = new AbortController().signal;
  let done = 0;

  /** Also what another tab has added meanwhile. */
  async function catchUp(): Promise<void> {
    for (const event of eventsOf(key).slice(done)) {
      done++;
      if (event.kind === 'push') await server.push(event.ops, { signal: never });
      else server.put(event.collection, event.id, event.row);
    }
  }

  function remember(event: Event): void {
    localStorage.setItem(key, JSON.stringify([...eventsOf(key), event]));
  }

  return {
    ordered: server.ordered,
    limits: server.limits,
    encode: (op) => server.encode(op),
    snapshots: server.snapshots ?? false,
    changes: server.changes,
    async push(ops, context) {
      await catchUp();
      remember({ kind: 'push', ops });
      done++;
      return server.push(ops, context);
    },
    async pull(request) {
      await catchUp();
      return server.pull(request);
    },
    async put(collection, id, row) {
      remember({ kind: 'put', collection, id, row });
      await catchUp();
    },
  };
}

export function forgetServer(key: string): void {
  localStorage.removeItem(key);
}

const eventsOf = (key: string): Event[] => JSON.parse(localStorage.getItem(key) ?? '[]') as Event[];
