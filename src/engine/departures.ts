import { advanceBase } from '../domain/baseRows.js';
import { keyOf, type Change } from '../domain/changes.js';
import { entityKey, type ServerRow } from '../domain/entity.js';
import { storeError, SyncError } from '../domain/errors.js';
import { idempotencyKey, type Outcome } from '../domain/mutation.js';
import { META, removal, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { MetaRecord, PullPage, StorageWrite, StoredRow } from './ports.js';
import type { Store } from './store.js';

/** What the worker decided of a mutation, at the rev it was sent with. */
export type Decision = {
  readonly mutation: PendingMutation;
  readonly rev: number;
  /** What the server showed of the rows concerned. */
  readonly rows: readonly ServerRow[];
} & (
  | { readonly kind: 'accepted'; readonly result: unknown }
  | { readonly kind: 'refused'; readonly error: SyncError }
);

export interface Leaving {
  readonly mutation: PendingMutation;
  readonly outcome: Outcome;
  /** The error itself, where it is known here: it carries its cause. */
  readonly error?: SyncError;
}

/** Mutations that leave the outbox and rows that enter the base: one transaction, then one change of the view. */
export interface Departure {
  readonly leaving: readonly Leaving[];
  readonly rows: readonly ServerRow[];
  readonly write: StorageWrite;
}

/** Still the same undecided mutation? The compare of every compare-and-swap on `(token, rev)`. */
export function isCurrent(ledger: Ledger, mutation: PendingMutation, rev: number): boolean {
  return ledger.pending.get(mutation.token) === mutation && mutation.record.rev === rev;
}

/** Carries out those decisions whose mutation is still there at that rev; a late or doubled answer changes nothing. */
export function planSettle(
  ledger: Ledger,
  store: Store,
  decisions: readonly Decision[],
  now: number,
): Departure | undefined {
  const current = decisions.filter((d) => isCurrent(ledger, d.mutation, d.rev));
  if (current.length === 0) return undefined;
  const rows = advanceBase(
    store.base,
    current.map((d) => ({
      rows: d.rows,
      changes: d.kind === 'accepted' ? uncovered(d.mutation, store) : [],
    })),
  );
  const leaving = current.map((d): Leaving => {
    const { mutation } = d;
    return d.kind === 'accepted'
      ? { mutation, outcome: { kind: 'accepted', result: d.result } }
      : { mutation, outcome: { kind: 'refused', error: storeError(d.error) }, error: d.error };
  });
  const deadLetters = leaving.flatMap(({ mutation: { token, record }, outcome }) =>
    outcome.kind === 'refused' ? [{ token, record, error: outcome.error, refusedAt: now }] : [],
  );
  return departure(ledger, leaving, rows, { deadLetters, meta: inStep(ledger, leaving, now) });
}

/**
 * The changes that the base cannot hold yet. Where the server has told newer of a row since the first send, that may
 * hold the change already and what came after it: an old value must not be put on top.
 */
function uncovered({ phase, changes }: PendingMutation, store: Store): readonly Change[] {
  const versions = phase.kind === 'sealed' ? phase.sealed.versions : undefined;
  return versions === undefined
    ? changes
    : changes.filter((change, i) => store.base(keyOf(change))?.version === versions[i]);
}

/** Lets a page of server rows into the base, if it continues from where the cursor is. */
export function planReceive(
  ledger: Ledger,
  store: Store,
  page: PullPage,
  from: string | undefined,
  now: number,
): Departure | undefined {
  if (ledger.cursor !== from || (page.changes.length === 0 && page.cursor === from)) return undefined;
  const rows = advanceBase(store.base, [{ rows: page.changes, changes: [] }]);
  // An echo of our own mutation is the server's acceptance, whichever way it came (RD4).
  const echoed = new Set(page.changes.flatMap(({ op }) => ownMutation(ledger, op) ?? []));
  const leaving = [...echoed].map((mutation): Leaving => ({
    mutation,
    outcome: { kind: 'accepted', result: undefined },
  }));
  const synced = page.upToDate ? inStep(ledger, leaving, now) : [];
  return departure(ledger, leaving, rows, { meta: [{ key: META.cursor, value: page.cursor }, ...synced] });
}

/** That all is in step, when nothing is pending once `leaving` has left. */
function inStep(ledger: Ledger, leaving: readonly Leaving[], now: number): readonly MetaRecord[] {
  return leaving.length === ledger.pending.size ? [{ key: META.syncedAt, value: now }] : [];
}

export function planCancel(ledger: Ledger, mutation: PendingMutation): Departure | undefined {
  if (!isCurrent(ledger, mutation, mutation.record.rev) || mutation.phase.kind !== 'queued') return undefined;
  return departure(ledger, [{ mutation, outcome: { kind: 'cancelled' } }], [], {});
}

function departure(
  ledger: Ledger,
  leaving: readonly Leaving[],
  rows: readonly ServerRow[],
  more: StorageWrite['put'],
): Departure {
  const { put, remove } = removal(
    ledger,
    leaving.map((l) => l.mutation),
  );
  const outcomes = leaving.map(({ mutation, outcome }) => ({
    token: mutation.token,
    outcome: storable(outcome),
  }));
  return { leaving, rows, write: { put: { ...put, ...more, rows: rows.map(storedRow) }, remove, outcomes } };
}

function ownMutation(ledger: Ledger, op: string | undefined): PendingMutation | undefined {
  const mutation = op === undefined ? undefined : ledger.pending.get(op.slice(0, op.lastIndexOf('.')));
  return mutation?.phase.kind === 'sealed' && idempotencyKey(mutation.record) === op ? mutation : undefined;
}

const storedRow = ({ collection, id, row, version }: ServerRow): StoredRow => ({
  key: entityKey(collection, id),
  row,
  version,
});

// A result that cannot be cloned must not fail the transaction that settles its mutation: other tabs do without it.
function storable(outcome: Outcome): Outcome {
  if (outcome.kind !== 'accepted') return outcome;
  try {
    return { kind: 'accepted', result: structuredClone(outcome.result) };
  } catch {
    return { kind: 'accepted', result: undefined };
  }
}
