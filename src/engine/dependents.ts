import { keyOf } from '../domain/changes.js';
import type { EntityKey } from '../domain/entity.js';
import { storeError, SyncError } from '../domain/errors.js';
import { byOrder } from '../domain/lanes.js';
import type { Books, Leaving } from './departures.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';

/**
 * What is refused with `refused`, and never sent (SC4): unsent changes of a row whose insert was refused, and what
 * names a refused one in `dependsOn`; then their own dependents. A delete of a row that never came to be has nothing
 * to do, which is success.
 */
export function dependentsOf({ ledger, store }: Books, refused: readonly Leaving[]): readonly Leaving[] {
  const found = new Map<PendingMutation, Leaving>();
  const causes = [...refused];
  const known = new Set(refused.map((l) => l.mutation));
  const take = (mutation: PendingMutation, leaving: Leaving): void => {
    known.add(mutation);
    found.set(mutation, leaving);
    if (leaving.outcome.kind === 'refused') causes.push(leaving);
  };
  for (const cause of causes) {
    for (const mutation of ledger.lanes.dependents(cause.mutation.token))
      if (isUnsent(mutation) && !known.has(mutation)) take(mutation, refuseWith(mutation, cause));
    for (const key of insertedBy(cause.mutation)) {
      for (const mutation of [...store.pendingOn(key)].sort(byOrder)) {
        if (known.has(mutation) || byOrder(mutation, cause.mutation) < 0) continue;
        const own = mutation.effect.changes.filter((change) => keyOf(change) === key);
        if (own.some(({ kind }) => kind === 'insert')) break; // another row of that id
        if (own.length === 0 || !isUnsent(mutation)) continue;
        const isDelete =
          own.length === mutation.effect.changes.length && own.every((c) => c.kind === 'delete');
        take(mutation, isDelete ? { mutation, outcome: { kind: 'annulled' } } : refuseWith(mutation, cause));
      }
    }
  }
  return [...found.values()];
}

function isUnsent({ phase }: PendingMutation): boolean {
  return phase.kind === 'queued';
}

function insertedBy(mutation: PendingMutation): EntityKey[] {
  return mutation.changes.filter(({ kind }) => kind === 'insert').map(keyOf);
}

function refuseWith(mutation: PendingMutation, cause: Leaving): Leaving {
  const error = dependencyError(mutation, cause.mutation.name, cause.mutation.token, cause.error);
  return { mutation, outcome: { kind: 'refused', error: storeError(error) }, error };
}

/** Throws `DEPENDENCY` when what it names has been refused already. */
export function checkDependencies(mutation: PendingMutation, { deadLetters, pending }: Ledger): void {
  for (const token of mutation.dependsOn) {
    const letter = pending.has(token) ? undefined : deadLetters.get(token);
    if (letter !== undefined) throw dependencyError(mutation, letter.record.name, token);
  }
}

export function dependencyError(
  { name }: { readonly name: string },
  causeName: string,
  causeToken: string,
  cause?: unknown,
): SyncError {
  return new SyncError(
    'DEPENDENCY',
    `"${name}" builds on "${causeName}" (${causeToken}), which was not accepted; repair that one first.`,
    { cause, details: { cause: causeToken } },
  );
}
