import type { SyncClient } from '../../src/engine/client.js';
import type { SyncEventName } from '../../src/engine/events.js';
import type { Transport } from '../../src/engine/ports.js';
import type { WireOp } from '../../src/testing/scriptedServer.js';

/** The transport, and its requests as a log: each has a line per op. */
export function logged<T extends Transport>(transport: T): T & { readonly requests: (readonly string[])[] } {
  const requests: (readonly string[])[] = [];
  return {
    ...transport,
    requests,
    push(ops, context) {
      requests.push(ops.map(({ body }) => lineOf(body)));
      return transport.push(ops, context);
    },
  };
}

/** An op in a line: `t3.0 update a {"title":"oat"} -done after t1`. */
export function lineOf(body: string): string {
  const op = JSON.parse(body) as WireOp;
  const after = op.after === undefined || op.after.length === 0 ? '' : ` after ${op.after.join(' ')}`;
  return `${op.op}.${op.rev} ${whatOf(op)}${after}`;
}

function whatOf(op: WireOp): string {
  if (op.kind === 'command') return `${op.name}(${JSON.stringify(op.args)})`;
  const changes = op.kind === 'group' ? op.changes : [op];
  return changes
    .map((change) => {
      const { kind, id } = change;
      if (kind === 'delete') return `delete ${id}`;
      if (kind === 'insert') return `insert ${id} ${JSON.stringify(change.data)}`;
      return `update ${id} ${JSON.stringify(change.patch)}${(change.unset ?? []).map((f) => ` -${f}`).join('')}`;
    })
    .join(' + ');
}

const SETTLING = [
  'mutation.confirmed',
  'mutation.rejected',
  'mutation.annulled',
  'mutation.needsAttention',
  'mutation.cancelled',
  'mutation.forgotten',
] as const satisfies readonly SyncEventName[];

/** What became of each mutation, in order: `confirmed t1`. */
export function settlingsOf(client: SyncClient): string[] {
  const log: string[] = [];
  for (const event of SETTLING)
    client.on(event, (data) => {
      const why = 'error' in data ? ` ${data.error.code}` : '';
      log.push(`${event.slice('mutation.'.length)} ${data.token}${why}`);
    });
  return log;
}
