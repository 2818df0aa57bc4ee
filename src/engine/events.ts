import type { AuditEntry } from '../domain/audit.js';
import type { SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';
import type { PullProgress, Verified } from '../domain/session.js';

/** What `client.on` tells. */
export interface SyncEvents {
  'mutation.enqueued': { readonly token: Token; readonly name: string };
  'mutation.confirmed': { readonly token: Token; readonly name: string; readonly result: unknown };
  'mutation.rejected': { readonly token: Token; readonly name: string; readonly error: SyncError };
  /** Merged with what took it back before it was sent: a success without a request. */
  'mutation.annulled': { readonly token: Token; readonly name: string };
  /** Refused, and still shown: its definition has `onRejected: 'hold'`. */
  'mutation.needsAttention': { readonly token: Token; readonly name: string; readonly error: SyncError };
  /** It has left the outbox while this tab slept, and nothing tells any more what became of it. */
  'mutation.forgotten': { readonly token: Token; readonly name: string; readonly error: SyncError };
  'mutation.cancelled': { readonly token: Token; readonly name: string };
  /** Waiting for the next attempt. */
  'mutation.delayed': {
    readonly token: Token;
    readonly name: string;
    readonly error: SyncError;
    readonly attempts: number;
  };
  /** Its definition is missing or older than the stored mutation: kept, shown, not sent. */
  'mutation.parked': { readonly token: Token; readonly name: string; readonly error: SyncError };
  /** Another has changed the same, and the user has to decide: see `conflicts()` (CF4). */
  'conflict.asked': { readonly entry: AuditEntry };
  /** A conflict was decided, by a strategy or by `resolve` (CF5). */
  'conflict.resolved': { readonly entry: AuditEntry };
  /** The server of a route keeps failing: nothing is sent that way before `until` (epoch milliseconds). */
  'breaker.opened': { readonly route: string; readonly until: number };
  /** One request finds out whether it is well again. */
  'breaker.halfOpened': { readonly route: string };
  'breaker.closed': { readonly route: string };
  /** The storage could not be opened: the app works on, in memory. Told once. */
  'storage.degraded': { readonly error: SyncError };
  /** A stored record could not be read: left in place, the others go on. Told once per record. */
  'storage.quarantined': { readonly what: string; readonly error: SyncError };
  /** A sync session has begun (PL2): one that `sync()` asked for, or a pull of the client's own. */
  'sync.started': { readonly direction: 'push' | 'pull' };
  /** A sync session has come to its next phase, or stored another page. */
  'sync.progress': PullProgress;
  'sync.completed':
    | { readonly direction: 'push' }
    | {
        readonly direction: 'pull';
        readonly rows: number;
        readonly pages: number;
        /** What comparing with the server's sums came to (PL4); absent: nothing was compared. */
        readonly verified?: Verified;
      };
  'sync.failed': { readonly direction: 'pull'; readonly error: SyncError };
  /** What was stored until then stays. */
  'sync.cancelled': { readonly direction: 'push' | 'pull' };
  /** A listener, a `mutationFn` or an adapter broke its contract; nothing else was harmed. */
  'client.failure': { readonly error: unknown };
}

export type SyncEventName = keyof SyncEvents;
