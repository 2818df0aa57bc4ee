import { keyOf } from '../domain/changes.js';
import type { EntityKey } from '../domain/entity.js';
import { storeError, SyncError } from '../domain/errors.js';
import { byOrder } from '../domain/lanes.js';
import type { DeadLetter } from '../domain/mutation.js';
import type { Books, Leaving } from './departures.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Decision } from './settle.js';

/**
 * What builds on a refused mutation: what has not been sent, and what travelled with it and was answered for it (424),
 * which is refused with it if it left, and waits for it if it is held (RT7).
 */
export function followersOf(
  books: Books,
  decisions: readonly Decision[],
  decided: readonly Leaving[],
): { readonly followers: readonly Leaving[]; readonly waiting: readonly PendingMutation[] } {
  const along = new Set(
    decisions.flatMap((d) =>
      d.kind === 'split' || (d.kind === 'refused' && d.error.code === 'DEPENDENCY') ? d.members : [],
    ),
  );
  const causes = decided.filter((l) => l.outcome.kind === 'refused' && !along.has(l.mutation));
  const held = causes.filter((l) => l.held !== undefined);
  const followers = dependentsOf(
    books,
    causes.filter((l) => l.held === undefined),
    along,
  );
  const refused = new Set(followers.map((l) => l.mutation));
  const waiting = dependentsOf(books, held, along)
    .map((l) => l.mutation)
    .filter((m) => along.has(m) && !refused.has(m));
  const known = new Set([...refused, ...waiting]);
  const inVain = decided.filter(
    ({ mutation, outcome }) => outcome.kind === 'refused' && along.has(mutation) && !known.has(mutation),
  );
  const more = dependentsOf(
    books,
    inVain.filter((l) => l.held === undefined),
    along,
  ).filter((l) => !refused.has(l.mutation)); // refused for two causes, it is refused once (MU2)
  return { followers: [...followers, ...more], waiting };
}

/**
 * What is refused with `refused` (SC4), if it was not sent or is one of `along`, which were sent in vain: changes of a
 * row whose insert was refused, and what names a refused one in `dependsOn`; then their own dependents. A delete of a
 * row that never came to be has nothing to do, which is success.
 */
function dependentsOf(
  { ledger, store }: Books,
  refused: readonly Leaving[],
  along: ReadonlySet<PendingMutation>,
): readonly Leaving[] {
  const isDependent = (mutation: PendingMutation): boolean =>
    mutation.phase.kind === 'queued' || along.has(mutation);
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
      if (isDependent(mutation) && !known.has(mutation)) take(mutation, refuseWith(mutation, cause));
    for (const key of insertedBy(cause.mutation)) {
      for (const mutation of [...store.pendingOn(key)].sort(byOrder)) {
        if (known.has(mutation) || byOrder(mutation, cause.mutation) < 0) continue;
        // On the present base it may do nothing to the row; what it did when it was called counts as well.
        const touches = mutation.effect.changes.some((change) => keyOf(change) === key);
        const { changes } = touches ? mutation.effect : mutation.record;
        const own = changes.filter((change) => keyOf(change) === key);
        if (own.some(({ kind }) => kind === 'insert')) break; // another row of that id
        if (own.length === 0 || !isDependent(mutation)) continue;
        const isDelete = own.length === changes.length && own.every((c) => c.kind === 'delete');
        take(mutation, isDelete ? { mutation, outcome: { kind: 'annulled' } } : refuseWith(mutation, cause));
      }
    }
  }
  return [...found.values()];
}

/** The rows that it inserts. */
export function insertedBy(mutation: PendingMutation): EntityKey[] {
  return mutation.changes.filter(({ kind }) => kind === 'insert').map(keyOf);
}

function refuseWith(mutation: PendingMutation, cause: Leaving): Leaving {
  const error = dependencyError(mutation, cause.mutation.name, cause.mutation.token, cause.error);
  return { mutation, outcome: { kind: 'refused', error: storeError(error) }, error };
}

/** The dead letter that it builds on: one that it names, or the insert of a row that has never been. */
export function refusedBefore(
  mutation: PendingMutation,
  { ledger, store }: Pick<Books, 'ledger' | 'store'>,
): DeadLetter | undefined {
  const { deadLetters } = ledger;
  if (deadLetters.size === 0) return undefined;
  const missing = mutation.effect.changes
    .filter((change) => change.kind === 'update' && store.base(keyOf(change)) === undefined)
    .map(keyOf)
    .filter((key) => !store.pendingOn(key).some((m) => insertedBy(m).includes(key)));
  const letters = [...deadLetters.values()];
  return (
    mutation.dependsOn.flatMap((token) => deadLetters.get(token) ?? [])[0] ??
    letters.find(({ record }) =>
      record.changes.some((c) => c.kind === 'insert' && missing.includes(keyOf(c))),
    )
  );
}

/** Throws `DEPENDENCY` when what it names has been refused already. */
export function checkDependencies(
  mutation: Pick<PendingMutation, 'name' | 'dependsOn'>,
  { deadLetters, pending }: Ledger,
): void {
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
