import { keyOf } from '../domain/changes.js';
import { SyncError } from '../domain/errors.js';
import type { Sealed, Token } from '../domain/mutation.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Transport } from './ports.js';
import type { Store } from './store.js';

export interface Outgoing {
  readonly ledger: Ledger;
  readonly store: Store;
  /** Absent for what is sent by a function of its own. */
  readonly transport: Transport | undefined;
  /** Milliseconds since the epoch. */
  readonly sealedAt: number;
}

/** What `mutation` sends, now and at every retry; or why it can never be sent (OB5). */
export function freeze(mutation: PendingMutation, outgoing: Outgoing): Sealed | SyncError {
  const { store, transport, sealedAt } = outgoing;
  const { record, definition } = mutation;
  const { changes } = mutation.effect;
  const versions = changes.map((change) => store.base(keyOf(change))?.version);
  const sealed = { token: record.token, rev: record.rev, changes, versions, sealedAt };
  if (transport === undefined) return sealed;
  const command = definition?.command === true ? { name: record.name, args: record.variables } : undefined;
  try {
    return {
      ...sealed,
      body: transport.encode({
        token: record.token,
        rev: record.rev,
        changes,
        versions,
        command,
        after: prerequisites(mutation, outgoing),
      }),
    };
  } catch (cause) {
    return cause instanceof SyncError
      ? cause
      : new SyncError('NOT_SERIALIZABLE', `"${record.name}" could not be encoded for sending.`, { cause });
  }
}

/** The undecided inserts of the rows that this mutation changes, and what it says it depends on, as far as it rides along. */
function prerequisites(mutation: PendingMutation, { ledger, store }: Outgoing): readonly Token[] {
  // What went by a function of its own the transport's server never saw; and it was decided before this could go.
  const after = new Set(mutation.dependsOn.filter((token) => ledger.pending.get(token)?.alone === false));
  for (const key of mutation.effect.changes.map(keyOf)) {
    for (const earlier of store.pendingOn(key)) {
      if (earlier === mutation) break;
      if (
        !earlier.alone &&
        earlier.changes.some((change) => change.kind === 'insert' && keyOf(change) === key)
      )
        after.add(earlier.token);
    }
  }
  return [...after];
}
