import { nextAuditSeq, type Unplaced } from '../domain/audit.js';
import { advanceBase } from '../domain/baseRows.js';
import { keyOf, type Change } from '../domain/changes.js';
import type { Conflict } from '../domain/conflict.js';
import type { ServerRow } from '../domain/entity.js';
import { storeError, type SyncError } from '../domain/errors.js';
import { nextRead } from '../domain/fullRead.js';
import { renameInChange, withAssigned, type AssignedId } from '../domain/identity.js';
import {
  idempotencyKey,
  type DeadLetter,
  type MutationRecord,
  type Outcome,
  type Token,
} from '../domain/mutation.js';
import { departure, inStep, storedId, type Books, type Departure, type Leaving } from './departures.js';
import { dependencyError, followersOf, refusedBefore } from './dependents.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { StorageWrite } from './ports.js';
import { rebase, type Rebase } from './rebase.js';
import { mayBeGone, storedCheckpoint } from './reading.js';
import { renamed } from './renamed.js';
import { decidedBy, type Sealing } from './seal.js';
import type { Store } from './store.js';

/** What the worker decided of what it sent under one key: one mutation, or several merged into one. */
export type Decision = {
  readonly members: readonly PendingMutation[];
  /** The key they were sent with; undefined for a mutation that can never be sent. */
  readonly key: string | undefined;
  /** What the server showed of the rows concerned. */
  readonly rows: readonly ServerRow[];
  /** The conflict that it decides (CF5). */
  readonly audit?: Unplaced;
} & (
  | { readonly kind: 'accepted'; readonly result: unknown; readonly ids: readonly AssignedId[] }
  /** `unanswered`: given up, it may have been carried out (RT6). */
  | {
      readonly kind: 'refused';
      readonly error: SyncError;
      readonly unanswered: boolean;
      /** Milliseconds for which the server wanted no further attempt. */
      readonly retryAfterMs?: number;
      /** It is shown on, and waits until the user has decided (CF4). */
      readonly conflict?: Omit<Conflict, 'tokens'>;
    }
  /** Refused as one: each goes by itself now, so that only the guilty one is refused (CO6). */
  | { readonly kind: 'split' }
  /** Waits for what was decided before it in its lane, and then goes under another key. */
  | { readonly kind: 'again' }
  /** Goes again, on what the server has now (CF3). */
  | ({ readonly kind: 'rebase' } & Rebase)
);

/** Shared, so that the journal names all of them at once: mostly there is nothing to tell. */
const DONE: Outcome = { kind: 'accepted', result: undefined };
const ANNULLED: Outcome = { kind: 'annulled' };

/** What decisions change; what else the write says depends on what is sealed with it. */
export type Settling = Omit<Departure, 'write'> & Required<Pick<StorageWrite, 'put' | 'remove'>>;

const NOTHING: Settling = { leaving: [], rebased: new Map(), rows: [], put: {}, remove: {} };

/** One write of both. What is sealed waits for nothing that is decided: neither changes what the other does. */
export function settleAndSeal(
  ledger: Ledger,
  settling: Settling | undefined,
  sealings: readonly Sealing[],
  now: number,
): Departure | undefined {
  const seals = sealings.flatMap((sealing) => sealing.records);
  const annulled = sealings.flatMap((s): Leaving[] =>
    s.annulled.map((mutation) => ({ mutation, outcome: ANNULLED })),
  );
  if (settling === undefined && annulled.length === 0)
    return seals.length === 0 ? undefined : { ...NOTHING, write: { put: { seals } } };
  const { put, remove, ...parts } = settling ?? NOTHING;
  const leaving = annulled.concat(parts.leaving);
  const synced = settling === undefined ? [] : inStep(ledger, leaving, now);
  const all = { ...put, seals, meta: [...(put.meta ?? []), ...synced] };
  return departure(ledger, { ...parts, leaving, put: all }, remove);
}

/** Carries out those decisions whose mutation is still there at that rev; a late or doubled answer changes nothing. */
export function settling(books: Books, decisions: readonly Decision[], now: number): Settling | undefined {
  const { ledger, store, collections } = books;
  const current = decisions.flatMap((decision) => {
    const members = decidedBy(ledger, decision.members, decision.key);
    return members.length === 0 ? [] : [{ ...decision, members }];
  });
  if (current.length === 0) return undefined;
  const assigned = current.flatMap((d) => (d.kind === 'accepted' ? d.ids : []));
  const ids = withAssigned(ledger.ids, assigned);
  const rows = advanceBase(
    store.base,
    current.map((d) => ({
      rows: d.rows,
      own: d.kind === 'accepted' && d.audit === undefined,
      changes:
        d.kind === 'accepted'
          ? uncovered(d.members, store).map((change) => renameInChange(change, ids, collections))
          : [],
    })),
    (key) => store.pendingOn(key).length > 0,
  );
  const decided = current.flatMap((d): Leaving[] => {
    switch (d.kind) {
      case 'split':
      case 'again':
      case 'rebase':
        return [];
      case 'accepted': {
        const outcome = d.result === undefined ? DONE : ({ kind: 'accepted', result: d.result } as const);
        return d.members.map((mutation) => ({ mutation, outcome }));
      }
      case 'refused':
        return d.members.map((mutation) => refuse(mutation, naming(mutation, d.error, books), d, now));
    }
  });
  const { followers, waiting } = followersOf(books, current, decided);
  const following = new Set([...followers.map((l) => l.mutation), ...waiting]);
  const leaving =
    following.size === 0 ? decided : [...decided.filter((l) => !following.has(l.mutation)), ...followers];
  const left = new Set(followers.map((l) => l.mutation)); // of what was split, only these leave
  const letters = leaving.map((l) => deadLetter(l, now)).filter((letter) => letter !== undefined);
  const after = acceptedAfterAll(
    ledger,
    new Set(current.map((d) => (d.kind === 'accepted' ? d.key : undefined))),
  );
  const firstSeq = nextAuditSeq([...ledger.audit.values()]);
  return {
    leaving: [...leaving, ...after.held],
    rebased: new Map([
      ...again(waiting),
      ...current.flatMap((d) =>
        d.kind === 'split' ? splitRecords(d.members.filter((m) => !left.has(m))) : [],
      ),
      ...current.flatMap((d) => (d.kind === 'again' ? nextRevs(d.members) : [])),
      ...current.flatMap((d) => (d.kind === 'rebase' ? [...rebase(d.members, d)] : [])),
      ...renamed(books, ids, assigned, leaving, after.letters),
    ]),
    rows,
    audit: current.flatMap((d) => d.audit ?? []).map((entry, i) => ({ ...entry, seq: firstSeq + i })),
    put: {
      deadLetters: letters,
      meta: [
        ...assigned.map(storedId),
        ...(mayBeGone(books, current)
          ? storedCheckpoint({ cursor: undefined, read: nextRead(ledger.read, true) })
          : []),
      ],
    },
    remove: { deadLetters: after.letters },
  };
}

/** The server keeps the refusal under the key that was sent: what went by itself goes under another. */
function again(waiting: readonly PendingMutation[]): (readonly [PendingMutation, MutationRecord])[] {
  return waiting.flatMap((mutation) => {
    const { phase, record } = mutation;
    const wentAlone = phase.kind === 'sealed' && phase.sealed.members === undefined;
    return wentAlone ? [[mutation, { ...record, rev: record.rev + 1 }] as const] : [];
  });
}

/** Each under its own key, which nothing was sent under: the rev stays. */
const splitRecords = (members: readonly PendingMutation[]): (readonly [PendingMutation, MutationRecord])[] =>
  members.map((mutation) => [mutation, { ...mutation.record, split: true }]);

const nextRevs = (members: readonly PendingMutation[]): (readonly [PendingMutation, MutationRecord])[] =>
  members.map((mutation) => [mutation, { ...mutation.record, rev: mutation.record.rev + 1 }]);

/** Dead letters that were given up unanswered with what has now been accepted, under the same key; the held ones leave. */
export function acceptedAfterAll(
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

function refuse(
  mutation: PendingMutation,
  error: SyncError,
  { members, unanswered, retryAfterMs, conflict: asked }: Extract<Decision, { kind: 'refused' }>,
  now: number,
): Leaving {
  const leaving: Leaving = {
    mutation,
    outcome: { kind: 'refused', error: storeError(error), unanswered },
    error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
  const conflict = asked && { ...asked, tokens: members.map(({ token }) => token) };
  const isHeld = conflict !== undefined || mutation.definition?.onRejected === 'hold';
  const letter = isHeld ? deadLetter(leaving, now) : undefined;
  if (letter === undefined) return leaving;
  return { ...leaving, held: { ...letter, held: true, ...(conflict !== undefined && { conflict }) } };
}

function deadLetter({ mutation, outcome, held, retryAfterMs }: Leaving, now: number): DeadLetter | undefined {
  if (held !== undefined || outcome.kind !== 'refused') return held;
  const { token, record, phase } = mutation;
  const mayHaveArrived = outcome.unanswered === true && phase.kind === 'sealed';
  return {
    token,
    record,
    error: outcome.error,
    refusedAt: now,
    ...(mayHaveArrived && { sealed: phase.sealed }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
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
