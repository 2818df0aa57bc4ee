import { touchedKeys, type Priority, type Token } from '../domain/mutation.js';
import { splitKey } from '../domain/entity.js';
import type { SyncError } from '../domain/errors.js';
import type { PendingMutation } from './pendingMutation.js';

/** `saving`: not durable yet · `queued` · `sending` · `waiting`: for its next attempt · `parked`: its definition is missing. */
export type PendingState = 'saving' | 'queued' | 'sending' | 'waiting' | 'parked';

/** A pending mutation as the app sees it. */
export interface PendingMutationView {
  readonly token: Token;
  readonly name: string;
  readonly variables: unknown;
  readonly state: PendingState;
  /** It may have reached the server, so it can no longer be rolled back. */
  readonly sealed: boolean;
  readonly priority: Priority;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly meta: unknown;
  readonly entities: readonly { readonly collection: string; readonly id: string }[];
  readonly changes: PendingMutation['changes'];
  readonly failureCount: number;
  readonly failureReason: SyncError | undefined;
  /** Monotonic milliseconds, as the client's clock tells them. */
  readonly nextAttemptAt: number | undefined;
}

export interface PendingFilter {
  readonly token?: Token;
  readonly name?: string;
  readonly collection?: string;
  readonly id?: string;
  readonly state?: PendingState;
}

export function isHeld(mutation: PendingMutation): boolean {
  return !mutation.sending && (mutation.parked || mutation.failures !== undefined);
}

function stateOf(mutation: PendingMutation): PendingState {
  if (mutation.sending) return 'sending';
  if (mutation.parked) return 'parked';
  if (mutation.failures !== undefined) return 'waiting';
  return mutation.phase.kind === 'saving' ? 'saving' : 'queued';
}

export function viewPending(mutation: PendingMutation): PendingMutationView {
  const { record, failures } = mutation;
  return {
    token: record.token,
    name: record.name,
    variables: record.variables,
    state: stateOf(mutation),
    sealed: mutation.phase.kind === 'sealed',
    priority: record.priority,
    createdAt: record.createdAt,
    meta: record.meta,
    entities: touchedKeys(record.changes).map(splitKey),
    changes: mutation.changes,
    failureCount: failures?.count ?? 0,
    failureReason: failures?.error,
    nextAttemptAt: mutation.sending ? undefined : failures?.dueAt,
  };
}

export function matches(view: PendingMutationView, filter: PendingFilter): boolean {
  const { token, name, collection, id, state } = filter;
  return (
    (token === undefined || view.token === token) &&
    (name === undefined || view.name === name) &&
    (state === undefined || view.state === state) &&
    ((collection === undefined && id === undefined) ||
      view.entities.some(
        (e) => (collection === undefined || e.collection === collection) && (id === undefined || e.id === id),
      ))
  );
}
