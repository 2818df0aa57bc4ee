import type { SyncError } from '../domain/errors.js';
import type { Token } from '../domain/mutation.js';

/** What `client.on` tells. */
export interface SyncEvents {
  'mutation.enqueued': { readonly token: Token; readonly name: string };
  'mutation.confirmed': { readonly token: Token; readonly name: string; readonly result: unknown };
  'mutation.rejected': { readonly token: Token; readonly name: string; readonly error: SyncError };
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
  /** The storage could not be opened: the app works on, in memory. Told once. */
  'storage.degraded': { readonly error: SyncError };
  /** A stored record could not be read: left in place, the others go on. Told once per record. */
  'storage.quarantined': { readonly what: string; readonly error: SyncError };
  'pull.completed': { readonly rows: number };
  'pull.failed': { readonly error: SyncError };
  /** A listener, a `mutationFn` or an adapter broke its contract; nothing else was harmed. */
  'client.failure': { readonly error: unknown };
}

export type SyncEventName = keyof SyncEvents;
