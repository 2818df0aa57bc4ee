import { SyncError } from '../domain/errors.js';
import { idempotencyKey, type Sealed } from '../domain/mutation.js';
import { replyOfThrown, replyOfValue } from '../domain/thrown.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Clock, Reply, Transport } from './ports.js';

export interface Sent {
  /** A prefix of what was to be sent: what fitted in one request. */
  readonly sent: readonly PendingMutation[];
  /** One per mutation sent, in order. */
  readonly replies: readonly Reply[];
  readonly bytes: number;
}

/** One request, through the transport or through a mutation's own function. Resolves whatever the network does. */
export type Send = (sealed: readonly PendingMutation[], signal: AbortSignal) => Promise<Sent>;

/** What was frozen when `mutation` was sealed. Only sealed mutations are ever sent. */
export function sealOf(mutation: PendingMutation): Sealed {
  if (mutation.phase.kind !== 'sealed')
    throw new Error(`Bug in holdfast: ${mutation.token} was to be sent without a seal.`);
  return mutation.phase.sealed;
}

const utf8 = new TextEncoder();

export function sendThrough(transport: Transport): Send {
  return async (sealed, signal) => {
    const ops: { token: string; rev: number; body: string }[] = [];
    let bytes = 0;
    for (const mutation of sealed) {
      const { token, rev, body = '' } = sealOf(mutation);
      const size = utf8.encode(body).length;
      if (ops.length > 0 && bytes + size > transport.limits.maxBytes) break;
      bytes += size;
      ops.push({ token, rev, body });
    }
    return { sent: sealed.slice(0, ops.length), replies: await transport.push(ops, { signal }), bytes };
  };
}

export const sendByOwnFunction: Send = async (sealed, signal) => {
  const replies = await Promise.all(
    sealed.map(async (mutation) => {
      const { record, failures } = mutation;
      const context = {
        signal,
        idempotencyKey: idempotencyKey(record),
        attempt: (failures?.count ?? 0) + 1,
        changes: sealOf(mutation).changes,
      };
      try {
        return replyOfValue(await mutation.definition?.mutationFn?.(record.variables, context));
      } catch (error) {
        return replyOfThrown(error);
      }
    }),
  );
  return { sent: sealed, replies, bytes: 0 };
};

/** Gives `send` a time limit: after it the outcome is unknown, the request is aborted, and a late answer is ignored (RT3). */
export function withTimeout(send: Send, timeoutMs: number, clock: Clock): Send {
  return async (sealed, signal) => {
    const request = new AbortController();
    const timer = new AbortController();
    const abort = (): void => {
      request.abort(signal.reason);
      timer.abort();
    };
    signal.addEventListener('abort', abort);
    const all = (reply: Reply): Sent => ({ sent: sealed, replies: sealed.map(() => reply), bytes: 0 });
    const timedOut = clock.sleep(timeoutMs, timer.signal).then(() => {
      const cause = new SyncError('TIMEOUT', `No answer within ${timeoutMs} ms.`);
      if (!timer.signal.aborted) request.abort(cause); // it ends early when the answer has come
      return all({ kind: 'failure', failure: 'timeout', cause });
    });
    try {
      return await Promise.race([
        send(sealed, request.signal).catch((error: unknown) => all(replyOfThrown(error))),
        timedOut,
      ]);
    } finally {
      timer.abort();
      signal.removeEventListener('abort', abort);
    }
  };
}
