import type { AuditEntry } from '../domain/audit.js';
import type { MutationRecord } from '../domain/mutation.js';
import { goneOf, type Books, type Departure, type Leaving } from './departures.js';
import { applyWrite, assignedIn, place } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { StorageReceipt } from './ports.js';
import { concernedBy } from './renamed.js';

export interface DepartOptions extends Books {
  /** The same mutation with another record. */
  readonly revise: (former: PendingMutation, record: MutationRecord) => PendingMutation;
  /** After mutations have left, durably and visibly. */
  readonly left: (leaving: readonly Leaving[]) => void;
  /** After a conflict was decided, or the user asked (CF5). */
  readonly audited: (entry: AuditEntry) => void;
  /** After anything else about the ledger changed. */
  readonly changed: () => void;
}

/** What was stored becomes visible: first the ledger, then the view as one change, then whoever waits is told (OB4). */
export function depart(
  options: DepartOptions,
  { entering = [], leaving, rebased, rows, audit = [], write }: Departure,
  { seqs }: StorageReceipt,
): void {
  const { ledger, store } = options;
  const gone = goneOf(leaving);
  applyWrite(ledger, write, gone);
  leaving.forEach(({ mutation, held }) => {
    if (held === undefined) return;
    mutation.failures = undefined;
    mutation.phase = { kind: 'refused', letter: held };
    ledger.lanes.refresh(mutation);
  });
  const successors = new Map<PendingMutation, PendingMutation>();
  const revised = new Map(rebased);
  // What was called since the write was planned still names rows as they were called then (ID1).
  for (const mutation of concernedBy(options, assignedIn(write), leaving, write.remove?.deadLetters))
    if (mutation.phase.kind === 'saving') revised.set(mutation, mutation.record);
  for (const [former, record] of revised) {
    const next = options.revise(former, record);
    // Each time that it meets another's write it waits longer (RT2).
    if (former.failures?.error.code === 'CONFLICT') next.failures = { ...former.failures, unanswered: 0 };
    successors.set(former, next);
    ledger.remove(former);
    ledger.add(next);
  }
  for (const mutation of entering) ledger.add(mutation);
  place(
    ledger,
    entering,
    entering.map((m) => m.record),
    seqs[0] ?? NaN,
  );
  const added = [...successors.values(), ...entering];
  if (added.length > 0) ledger.sort();
  // One that is being taken back is not shown any more.
  const add = added.filter((m) => !m.cancelling);
  store.change({ drop: [...gone, ...successors.keys()], add, rows });
  options.left(leaving);
  for (const entry of audit) options.audited(entry);
  options.changed();
}
