import { auditEntry, nextAuditSeq } from '../domain/audit.js';
import { upToDate, type ConflictRow } from '../domain/conflict.js';
import { SyncError } from '../domain/errors.js';
import { renameInChange } from '../domain/identity.js';
import type { MutationRecord, Outcome, Token } from '../domain/mutation.js';
import { resolveConflict, type Resolution } from '../domain/resolution.js';
import { rulesOf } from './arbiter.js';
import { departure, type Books, type Departure } from './departures.js';
import type { PendingMutation } from './pendingMutation.js';
import { rebase } from './rebase.js';

/**
 * What becomes of a conflict that the user has decided on (CF4); undefined when there is none of that id any more.
 * Throws `VALIDATION` for a resolution that does not fit it, and leaves it as it was.
 * @param now milliseconds since the epoch
 * @param seen its rows as the user saw them when they decided
 */
export function planResolution(
  { ledger, store, collections }: Books,
  id: Token,
  resolution: Resolution,
  now: number,
  seen?: readonly ConflictRow[],
): Departure | undefined {
  const letters = [...ledger.deadLetters.values()].filter(({ conflict }) => conflict?.id === id);
  const conflict = letters[0]?.conflict;
  if (conflict === undefined) return undefined;
  const held = conflict.tokens.flatMap((token) => ledger.pending.get(token) ?? []);
  const [first] = held;
  const rows = seen ?? upToDate(conflict.rows, store.base);
  const outcome = resolveConflict(rows, resolution, rulesOf(first, collections));
  const entry = auditEntry(
    { at: now, token: id, name: conflict.name, strategy: 'user' },
    rows,
    outcome,
    collections,
  );
  const plan = (
    leaving: readonly PendingMutation[],
    how: Outcome,
    rebased: ReadonlyMap<PendingMutation, MutationRecord> = new Map(),
  ): Departure => {
    const parts = {
      leaving: leaving.map((mutation) => ({ mutation, outcome: how })),
      rebased,
      rows: [],
      audit: [{ ...entry, seq: nextAuditSeq([...ledger.audit.values()]) }],
      put: {},
    };
    return departure(ledger, parts, { deadLetters: letters.map(({ token }) => token) });
  };
  switch (outcome.kind) {
    case 'confirmed':
      return plan(held, { kind: 'accepted', result: undefined });
    case 'server':
      return plan(held, { kind: 'cancelled' });
    case 'resend': {
      const changes = outcome.changes.map((change) => renameInChange(change, ledger.ids, collections));
      const records = rebase(held, { ...outcome, changes });
      const refusals = new Map(letters.map(({ token, error, refusedAt }) => [token, { error, refusedAt }]));
      const rebased = [...records].map(([mutation, record]): [PendingMutation, MutationRecord] => {
        const refusal = refusals.get(mutation.token);
        return [mutation, { ...record, history: [...(record.history ?? []), ...(refusal ? [refusal] : [])] }];
      });
      // What one takes over, the others need not do any more.
      const rest = held.filter((mutation) => !records.has(mutation));
      return plan(rest, { kind: 'annulled' }, new Map(rebased));
    }
  }
}

/** One of several that wait for one decision cannot be decided by itself. */
export function sharedConflict(token: Token): SyncError {
  return new SyncError(
    'VALIDATION',
    `${token} is one of several in one conflict; use resolve for all of them.`,
  );
}
