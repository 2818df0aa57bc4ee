import { touchedKeys, type Priority, type Token } from '../domain/mutation.js';
import { splitKey } from '../domain/entity.js';
import { variablesOf } from '../domain/builtInVariables.js';
import type { Ids } from '../domain/identity.js';
import { restoreError, type SyncError } from '../domain/errors.js';
import type { Clock } from './ports.js';
import type { PendingMutation } from './pendingMutation.js';

/**
 * `saving`: not durable yet · `queued` · `delayed`: it may still be taken back (`sendAfter`) · `sending` · `waiting`: for
 * its next attempt · `parked`: its definition is missing · `needsAttention`: refused and still shown · `conflict`: it waits for `resolve`.
 */
export type PendingState =
  'saving' | 'queued' | 'delayed' | 'sending' | 'waiting' | 'parked' | 'needsAttention' | 'conflict';

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
  /** Milliseconds since the epoch: when it is sent at the earliest, where something makes it wait until then. */
  readonly nextAttemptAt: number | undefined;
}

export interface PendingFilter {
  readonly token?: Token;
  readonly name?: string;
  readonly collection?: string;
  readonly id?: string;
  readonly state?: PendingState;
}

function stateOf({ standing, phase, parked, sendAt }: PendingMutation, now: number): PendingState {
  switch (standing) {
    case 'held':
      return parked === undefined ? 'waiting' : 'parked';
    case 'pending':
      if (phase.kind === 'saving') return 'saving';
      return sendAt > now ? 'delayed' : 'queued';
    case 'sending':
    case 'needsAttention':
    case 'conflict':
      return standing;
  }
}

export function viewPending(
  mutation: PendingMutation,
  clock: Pick<Clock, 'now' | 'monotonic'>,
): PendingMutationView {
  const { record, failures, phase, parked, sending, sendAt } = mutation;
  const now = clock.monotonic();
  const dueAt = Math.max(failures?.dueAt ?? 0, sendAt > now ? sendAt : 0);
  return {
    token: record.token,
    name: record.name,
    variables: variablesOf(record),
    state: stateOf(mutation, now),
    sealed: phase.kind === 'sealed',
    priority: record.priority,
    createdAt: record.createdAt,
    meta: record.meta,
    entities: touchedKeys(record.changes).map(splitKey),
    changes: mutation.changes,
    failureCount: failures?.count ?? 0,
    failureReason: phase.kind === 'refused' ? restoreError(phase.letter.error) : (parked ?? failures?.error),
    nextAttemptAt: sending || dueAt === 0 ? undefined : clock.now() + dueAt - now,
  };
}

/** An id that the server has replaced finds the row as well (ID1). */
export function matches(view: PendingMutationView, filter: PendingFilter, ids: Ids): boolean {
  const { token, name, collection, id, state } = filter;
  return (
    (token === undefined || view.token === token) &&
    (name === undefined || view.name === name) &&
    (state === undefined || view.state === state) &&
    ((collection === undefined && id === undefined) ||
      view.entities.some(
        (e) =>
          (collection === undefined || e.collection === collection) &&
          (id === undefined || e.id === ids.resolve(e.collection, id)),
      ))
  );
}
