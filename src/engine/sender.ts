import { migrated } from '../domain/definition.js';
import { SyncError } from '../domain/errors.js';
import type { AssignedId } from '../domain/identity.js';
import { idempotencyKey } from '../domain/mutation.js';
import { replyOfThrown, replyOfValue } from '../domain/thrown.js';
import type { Clock, Reply, SealedOp, Transport } from './ports.js';
import type { Op } from './seal.js';
import { withinTime } from './withinTime.js';

export interface Sent {
  /** A prefix of what was to be sent: what fitted in one request. */
  readonly sent: readonly Op[];
  /** One per op sent, in order. */
  readonly replies: readonly Reply[];
  readonly bytes: number;
}

/** One request, through the transport or through a mutation's own function. Resolves whatever the network does. */
export type Send = (ops: readonly Op[], signal: AbortSignal) => Promise<Sent>;

const utf8 = new TextEncoder();

export function sendThrough(transport: Transport): Send {
  return async (ops, signal) => {
    const request: SealedOp[] = [];
    let bytes = 0;
    for (const { members, sealed } of ops) {
      const { token, rev, body = '' } = sealed;
      const size = utf8.encode(body).length;
      if (request.length > 0 && bytes + size > transport.limits.maxBytes) break;
      bytes += size;
      request.push({ token, rev, body, resent: members.some((m) => m.resent) });
    }
    const sent = ops.slice(0, request.length);
    for (const { members } of sent) for (const mutation of members) mutation.resent = true;
    return { sent, replies: await transport.push(request, { signal }), bytes };
  };
}

export function sendByOwnFunction(failed: (error: unknown) => void): Send {
  async function call({ members, sealed }: Op, signal: AbortSignal): Promise<Reply> {
    const [first] = members;
    const definition = first?.definition;
    const context = {
      signal,
      idempotencyKey: idempotencyKey(sealed),
      attempt: (first?.failures?.count ?? 0) + 1,
      changes: sealed.changes,
    };
    try {
      const variables = variablesOf({ members, sealed });
      const value: unknown = await definition?.mutationFn?.(variables, context);
      const reply = replyOfValue(value);
      const ids = assigned(() => definition?.assignedIds?.(value, variables));
      return reply.kind === 'answer' && ids !== undefined ? { ...reply, ids } : reply;
    } catch (error) {
      return replyOfThrown(error);
    }
  }

  /** The server has done it: an app's error in reading its ids must not send it again. */
  function assigned(read: () => readonly AssignedId[] | undefined): readonly AssignedId[] | undefined {
    try {
      return read();
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  return async (ops, signal) => ({
    sent: ops,
    replies: await Promise.all(ops.map((op) => call(op, signal))),
    bytes: 0,
  });
}

/** As they were frozen, in the shape that the definition takes now (OB5, OB8). */
function variablesOf({ members: [first], sealed: { merged } }: Op): unknown {
  if (merged === undefined || first?.definition === undefined) return first?.variables;
  const variables = migrated(first.definition, merged.variables, merged.schema);
  if (variables instanceof SyncError) throw variables;
  return variables.value;
}

/** Gives `send` a time limit: after it the outcome is unknown (RT3). */
export function withTimeout(send: Send, timeoutMs: number, clock: Clock): Send {
  return (ops, signal) => {
    const all = (reply: Reply): Sent => ({ sent: ops, replies: ops.map(() => reply), bytes: 0 });
    return withinTime(
      (own) => send(ops, own).catch((error: unknown) => all(replyOfThrown(error))),
      (cause) => all({ kind: 'failure', failure: 'timeout', cause }),
      { ms: timeoutMs, clock, signal },
    );
  };
}
