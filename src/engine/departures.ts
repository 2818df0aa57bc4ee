import { advanceBase } from '../domain/baseRows.js';
import { keyOf, type Change } from '../domain/changes.js';
import type { AnyCollection } from '../domain/collection.js';
import { entityKey, type ServerRow } from '../domain/entity.js';
import { storeError, type SyncError } from '../domain/errors.js';
import { renameInChange, withAssigned, type AssignedId } from '../domain/identity.js';
import {
  idempotencyKey,
  type DeadLetter,
  type MutationRecord,
  type Outcome,
  type Token,
} from '../domain/mutation.js';
import { dependencyError, followersOf, refusedBefore } from './dependents.js';
import { META, rewriting, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { MetaRecord, PullPage, StorageWrite, StoredRow } from './ports.js';
import { renamed } from './renamed.js';
import type { Store } from './store.js';

/** What the worker decided of what it sent under one key: one mutation, or several merged into one. */
export type Decision = {
  readonly members: readonly PendingMutation[];
  /** The key they were sent with; undefined for a mutation that can never be sent. */
  readonly key: string | undefined;
  /** What the server showed of the rows concerned. */
  readonly rows: readonly ServerRow[];
} & (
  | { readonly kind: 'accepted'; readonly result: unknown; readonly ids: readonly AssignedId[] }
  /** `unanswered`: given up, it may have been carried out (RT6). */
  | { readonly kind: 'refused'; readonly error: SyncError; readonly unanswered: boolean }
  /** Refused as one: each goes by itself now, so that only the guilty one is refused (CO6). */
  | { readonly kind: 'split' }
);

export interface Leaving {
  readonly mutation: PendingMutation;
  readonly outcome: Outcome;
  /** The error itself, where it is known here: it carries its cause. */
  readonly error?: SyncError;
  /** Refused, and still shown (RT7). */
  readonly held?: DeadLetter;
}

/** What one transaction changes of the pending mutations and of the base; then it is one change of the view. */
export interface Departure {
  readonly leaving: readonly Leaving[];
  /** To be queued again, each by itself. */
  readonly split: readonly PendingMutation[];
  /** They go on with another record. */
  readonly rebased: ReadonlyMap<PendingMutation, MutationRecord>;
  readonly rows: readonly ServerRow[];
  readonly write: StorageWrite;
}

export interface Books {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly collections: ReadonlyMap<string, AnyCollection>;
}

/** Still undecided, and sent with that key? The compare of every compare-and-swap on `(token, rev)`. */
export function isCurrent(ledger: Ledger, mutation: PendingMutation, key: string | undefined): boolean {
  if (ledger.pending.get(mutation.token) !== mutation) return false;
  const { phase } = mutation;
  return phase.kind === 'sealed'
    ? idempotencyKey(phase.sealed) === key
    : key === undefined && mutation.undecided;
}

/** Carries out those decisions whose mutation is still there at that rev; a late or doubled answer changes nothing. */
export function planSettle(books: Books, decisions: readonly Decision[], now: number): Departure | undefined {
  const { ledger, store, collections } = books;
  const current = decisions.flatMap((decision) => {
    const members = decision.members.filter((m) => isCurrent(ledger, m, decision.key));
    return members.length === 0 ? [] : [{ ...decision, members }];
  });
  if (current.length === 0) return undefined;
  const assigned = current.flatMap((d) => (d.kind === 'accepted' ? d.ids : []));
  const ids = withAssigned(ledger.ids, assigned);
  const rows = advanceBase(
    store.base,
    current.map((d) => ({
      rows: d.rows,
      changes:
        d.kind === 'accepted'
          ? uncovered(d.members, store).map((change) => renameInChange(change, ids, collections))
          : [],
    })),
  );
  const decided = current.flatMap((d): Leaving[] => {
    switch (d.kind) {
      case 'split':
        return [];
      case 'accepted':
        return d.members.map((mutation) => ({ mutation, outcome: { kind: 'accepted', result: d.result } }));
      case 'refused':
        return d.members.map((mutation) =>
          refuse(mutation, naming(mutation, d.error, books), d.unanswered, now),
        );
    }
  });
  const { followers, waiting } = followersOf(books, current, decided);
  const following = new Set([...followers.map((l) => l.mutation), ...waiting]);
  const leaving = [...decided.filter((l) => !following.has(l.mutation)), ...followers];
  const left = new Set(leaving.map((l) => l.mutation));
  const letters = leaving.flatMap((l) => deadLetter(l, now) ?? []);
  const after = acceptedAfterAll(
    ledger,
    new Set(current.map((d) => (d.kind === 'accepted' ? d.key : undefined))),
  );
  const parts = {
    leaving: [...leaving, ...after.held],
    split: current.flatMap((d) => (d.kind === 'split' ? d.members.filter((m) => !left.has(m)) : [])),
    rebased: new Map([...again(waiting), ...renamed(books, ids, assigned, leaving)]),
    rows,
    put: {
      deadLetters: letters,
      meta: [...assigned.map(storedId), ...inStep(ledger, leaving, now)],
    },
  };
  return departure(ledger, parts, { deadLetters: after.letters });
}

/** The server keeps the refusal under the key that was sent: what went by itself goes under another. */
function again(waiting: readonly PendingMutation[]): (readonly [PendingMutation, MutationRecord])[] {
  return waiting.flatMap((mutation) => {
    const { phase, record } = mutation;
    const wentAlone = phase.kind === 'sealed' && phase.sealed.members === undefined;
    return wentAlone ? [[mutation, { ...record, rev: record.rev + 1 }] as const] : [];
  });
}

/** Dead letters that were given up unanswered with what has now been accepted, under the same key; the held ones leave. */
function acceptedAfterAll(
  { deadLetters, pending }: Ledger,
  keys: ReadonlySet<string | undefined>,
): { readonly letters: readonly Token[]; readonly held: readonly Leaving[] } {
  const letters = [...deadLetters.values()].filter(
    ({ sealed }) => sealed && keys.has(idempotencyKey(sealed)),
  );
  const held = letters.flatMap((letter) => (letter.held === true ? (pending.get(letter.token) ?? []) : []));
  return {
    letters: letters.map(({ token }) => token),
    held: held.map((mutation) => ({ mutation, outcome: { kind: 'accepted', result: undefined } })),
  };
}

/** The server's 424 with the dead letter that it speaks of, where that was refused or given up before. */
function naming(mutation: PendingMutation, error: SyncError, books: Books): SyncError {
  const letter = error.code === 'DEPENDENCY' ? refusedBefore(mutation, books) : undefined;
  return letter === undefined ? error : dependencyError(mutation, letter.record.name, letter.token, error);
}

function refuse(mutation: PendingMutation, error: SyncError, unanswered: boolean, now: number): Leaving {
  const leaving: Leaving = {
    mutation,
    outcome: { kind: 'refused', error: storeError(error), unanswered },
    error,
  };
  const letter = mutation.definition?.onRejected === 'hold' ? deadLetter(leaving, now) : undefined;
  return letter === undefined ? leaving : { ...leaving, held: { ...letter, held: true } };
}

function deadLetter({ mutation, outcome, held }: Leaving, now: number): DeadLetter | undefined {
  if (held !== undefined) return held;
  if (outcome.kind !== 'refused') return undefined;
  const { token, record, phase } = mutation;
  const mayHaveArrived = outcome.unanswered === true && phase.kind === 'sealed';
  return {
    token,
    record,
    error: outcome.error,
    refusedAt: now,
    ...(mayHaveArrived && { sealed: phase.sealed }),
  };
}

/**
 * The changes that the base cannot hold yet. Where the server has told newer of a row since the first send, that may
 * hold the change already and what came after it: an old value must not be put on top.
 */
function uncovered(members: readonly PendingMutation[], store: Store): readonly Change[] {
  const phase = members[0]?.phase;
  if (phase?.kind !== 'sealed') return members.flatMap((m) => m.changes);
  const { changes, versions } = phase.sealed;
  return versions === undefined
    ? changes
    : changes.filter((change, i) => store.base(keyOf(change))?.version === versions[i]);
}

/** Lets a page of server rows into the base, if it continues from where the cursor is. */
export function planReceive(
  books: Books,
  page: PullPage,
  from: string | undefined,
  now: number,
): Departure | undefined {
  const { ledger, store } = books;
  if (ledger.cursor !== from || (page.changes.length === 0 && page.cursor === from)) return undefined;
  const rows = advanceBase(store.base, [{ rows: page.changes, changes: [] }]);
  // An echo of our own mutation is the server's acceptance, whichever way it came (RD4).
  const sent = sentByKey(ledger);
  const leaving: Leaving[] = [];
  const assigned: AssignedId[] = [];
  for (const row of page.changes) {
    const members = row.op === undefined ? undefined : sent.get(row.op);
    if (members === undefined || row.op === undefined) continue;
    sent.delete(row.op);
    for (const mutation of members)
      leaving.push({ mutation, outcome: { kind: 'accepted', result: undefined } });
    assigned.push(...namedBy(row, members, books));
  }
  const synced = page.upToDate ? inStep(ledger, leaving, now) : [];
  const after = acceptedAfterAll(ledger, new Set(page.changes.map((row) => row.op)));
  const parts = {
    leaving: [...leaving, ...after.held],
    split: [],
    rebased: renamed(books, withAssigned(ledger.ids, assigned), assigned, leaving),
    rows,
    put: {
      meta: [{ key: META.cursor, value: page.cursor }, ...assigned.map(storedId), ...synced],
    },
  };
  return departure(ledger, parts, { deadLetters: after.letters });
}

function sentByKey(ledger: Ledger): Map<string, PendingMutation[]> {
  const sent = new Map<string, PendingMutation[]>();
  for (const list of ledger.seals.values())
    for (const sealed of list) {
      const members = (sealed.members ?? [sealed.token]).flatMap((token) => {
        const mutation = ledger.pending.get(token);
        return mutation !== undefined && isCurrent(ledger, mutation, idempotencyKey(sealed))
          ? [mutation]
          : [];
      });
      if (members.length > 0) sent.set(idempotencyKey(sealed), members);
    }
  return sent;
}

/** The feed shows our insert under another id: the server has named it, and the answer that says so is lost or late (ID1). */
function namedBy(row: ServerRow, members: readonly PendingMutation[], { collections }: Books): AssignedId[] {
  const phase = members[0]?.phase;
  if (phase?.kind !== 'sealed' || collections.get(row.collection)?.serverIds !== true) return [];
  const inserted = phase.sealed.changes.filter(
    ({ kind, collection }) => kind === 'insert' && collection === row.collection,
  );
  const [only, ...others] = inserted;
  if (only === undefined || others.length > 0 || only.id === row.id) return [];
  return [{ collection: row.collection, from: only.id, to: row.id }];
}

/** That all is in step, when nothing is pending once `leaving` has left. */
function inStep(ledger: Ledger, leaving: readonly Leaving[], now: number): readonly MetaRecord[] {
  let undecided = ledger.pending.size - leaving.length;
  for (const { held } of ledger.deadLetters.values()) if (held === true) undecided--;
  return undecided === 0 ? [{ key: META.syncedAt, value: now }] : [];
}

/** Takes `members` out: rolled back, discarded, or merged to nothing. */
export function planLeave(
  ledger: Ledger,
  members: readonly PendingMutation[],
  outcome: Outcome,
  write: StorageWrite = {},
): Departure {
  const leaving = members.map((mutation) => ({ mutation, outcome }));
  return departure(
    ledger,
    { leaving, split: [], rebased: new Map(), rows: [], put: write.put },
    write.remove,
  );
}

function departure(
  ledger: Ledger,
  { put: more, ...parts }: Omit<Departure, 'write'> & { readonly put: StorageWrite['put'] },
  alsoRemove: StorageWrite['remove'] = {},
): Departure {
  const gone = parts.leaving.filter((l) => l.held === undefined).map((l) => l.mutation);
  const held = parts.leaving.filter((l) => l.held !== undefined).map((l) => l.mutation);
  const stored = new Map([...parts.rebased].filter(([mutation]) => mutation.seq !== Infinity));
  const unsealed = [...held, ...parts.split, ...parts.rebased.keys()];
  const { put, remove } = rewriting(ledger, gone, unsealed, stored);
  const outcomes = parts.leaving.map(({ mutation, outcome }) => ({
    token: mutation.token,
    outcome: storable(outcome),
  }));
  const write: StorageWrite = {
    put: {
      ...put,
      ...more,
      seals: [...(put.seals ?? []), ...(more?.seals ?? [])],
      rows: parts.rows.map(storedRow),
    },
    remove: { ...remove, ...alsoRemove },
    outcomes,
  };
  return { ...parts, write };
}

const storedId = (assigned: AssignedId): MetaRecord => ({
  key: `${META.id}${entityKey(assigned.collection, assigned.from)}`,
  value: assigned,
});

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
