import { auditEntry } from '../domain/audit.js';
import { keyOf } from '../domain/changes.js';
import type { AnyCollection } from '../domain/collection.js';
import { conflictRows, upToDate, type Conflict } from '../domain/conflict.js';
import type { ConflictOutcome } from '../domain/conflictOutcome.js';
import { strategyName, type AnyConflictStrategy } from '../domain/conflictStrategy.js';
import type { Dispute } from '../domain/dispute.js';
import { splitKey, type BaseRow, type EntityKey, type ServerRow } from '../domain/entity.js';
import { storeError, SyncError } from '../domain/errors.js';
import { judgeConflict } from '../domain/judgeConflict.js';
import { idempotencyKey } from '../domain/mutation.js';
import type { Verdict } from '../domain/reconcile.js';
import { questionsOf, type Answer, type Question } from '../domain/resolver.js';
import { toCloneable, toJson } from '../domain/serialize.js';
import { serverTimeOf, type ServerClock } from '../domain/serverClock.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Clock } from './ports.js';
import type { Op } from './seal.js';
import type { Decision } from './settle.js';
import type { Store } from './store.js';

/** Decides what becomes of what the server has refused because of another's write (CF). */
export interface Arbiter {
  /** A promise where a resolver of the app has to be asked; it resolves in bounded time, and never rejects. */
  judge(op: Op, verdict: Extract<Verdict, { kind: 'conflict' }>): Decision | Promise<Decision>;
}

export interface ArbiterOptions {
  readonly store: Store;
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly clock: Clock;
  readonly serverClock: () => ServerClock | undefined;
  /** Milliseconds after which a resolver has not answered. */
  readonly resolverTimeoutMs: number;
}

export function createArbiter(options: ArbiterOptions): Arbiter {
  const { store, collections, clock } = options;

  function disputeOf({ members, sealed }: Op, shown: readonly ServerRow[]): Dispute {
    const [first] = members;
    const last = members.at(-1);
    const gone = new Set(shown.flatMap((row) => (row.row === undefined ? keyOf(row) : [])));
    // Where the server gives the ids, what is inserted again is another row: mine cannot be had back as a whole.
    const known = (key: EntityKey): BaseRow | undefined => {
      const base = store.base(key);
      const isGone = gone.has(key) || base?.row === undefined;
      return isGone && collections.get(splitKey(key).collection)?.serverIds === true ? undefined : base;
    };
    return {
      rows: upToDate(conflictRows(sealed, known, shown), store.base),
      writtenAt: last && serverTimeOf(last.record.createdAt, options.serverClock()),
      strategyOf: (collection) => strategyOf(first, collection),
      ...rulesOf(first, collections),
    };
  }

  const strategyOf = (of: PendingMutation | undefined, collection: string): AnyConflictStrategy =>
    of?.definition?.conflict ?? collections.get(collection)?.conflict ?? 'lastWriteWins';

  /** Never rejects, and never waits for ever: a late answer counts as none. */
  async function ask(questions: readonly Question[]): Promise<ReadonlyMap<EntityKey, Answer>> {
    const timer = new AbortController();
    const late = clock.sleep(options.resolverTimeoutMs, timer.signal).then((): Answer => {
      const cause = new SyncError('TIMEOUT', `No answer within ${options.resolverTimeoutMs} ms.`);
      return { kind: 'failed', cause };
    });
    const answerOf = async (question: Question): Promise<[EntityKey, Answer]> => {
      try {
        const value = Promise.resolve(question.ask());
        const answered = value.then((said): Answer => ({ kind: 'answered', value: said }));
        return [question.key, await Promise.race([answered, late])];
      } catch (cause) {
        return [question.key, { kind: 'failed', cause }];
      }
    };
    try {
      return new Map(await Promise.all(questions.map(answerOf)));
    } finally {
      timer.abort();
    }
  }

  function decide(
    op: Op,
    { rows: shown, error }: Shown,
    dispute: Dispute,
    outcome: ConflictOutcome,
  ): Decision {
    const { members, sealed } = op;
    const [first] = members;
    const { rows } = dispute;
    const name = first?.name ?? '';
    const now = clock.now();
    const strategy = Object.fromEntries(
      rows.map(({ collection }) => [collection, strategyName(strategyOf(first, collection))]),
    );
    const audit = auditEntry({ at: now, token: sealed.token, name, strategy }, rows, outcome, collections);
    const of = { members, key: idempotencyKey(sealed), rows: shown, audit };
    const refused = (reason: string): Decision => ({
      ...of,
      kind: 'refused',
      unanswered: false,
      error: reason === 'unknown' ? error : conflictError(error, reason),
    });
    switch (outcome.kind) {
      case 'confirmed': {
        // `n + 1` that finds the value it would have made has still to be done (ST3).
        const again = rerun(first, dispute);
        if (again !== undefined) return { ...of, kind: 'rebase', ...again, asMeant: true };
        return { ...of, kind: 'accepted', result: undefined, ids: [] };
      }
      case 'server':
        return refused(outcome.reason);
      case 'resend': {
        const { changes, versions, asMeant } = outcome;
        if (asMeant || sealed.members === undefined)
          return { ...of, kind: 'rebase', changes, versions, asMeant };
        return { members, key: of.key, rows: shown, kind: 'split' };
      }
      case 'ask': {
        const conflict: Omit<Conflict, 'tokens'> = {
          id: sealed.token,
          name,
          rows,
          askedAt: now,
          ...(outcome.error !== undefined && { error: storeError(outcome.error) }),
        };
        return { ...of, kind: 'refused', unanswered: false, error: conflictError(error, 'ask'), conflict };
      }
    }
  }

  return {
    judge(op, verdict) {
      const dispute = disputeOf(op, verdict.rows);
      const questions = questionsOf(dispute);
      if (questions.length === 0) return decide(op, verdict, dispute, judgeConflict(dispute));
      return ask(questions).then((answers) => decide(op, verdict, dispute, judgeConflict(dispute, answers)));
    },
  };
}

/** What a named mutation that only updates is recorded to do, until it is run again. */
function rerun(
  of: PendingMutation | undefined,
  { rows }: Dispute,
): Pick<Extract<ConflictOutcome, { kind: 'resend' }>, 'changes' | 'versions'> | undefined {
  const changes = rows.flatMap((row) => row.changes);
  if (of?.rerun === undefined || !changes.every(({ kind }) => kind === 'update')) return undefined;
  return { changes, versions: rows.flatMap((row) => row.changes.map(() => row.theirs?.version)) };
}

type Shown = Pick<Extract<Verdict, { kind: 'conflict' }>, 'rows' | 'error'>;

/** By what rules the rows of a conflict may be written. */
export function rulesOf(
  of: PendingMutation | undefined,
  collections: ReadonlyMap<string, AnyCollection>,
): Pick<Dispute, 'idOf' | 'encode'> {
  return {
    encode: of?.definition?.mutationFn === undefined ? toJson : toCloneable,
    idOf(name, row) {
      const collection = collections.get(name);
      if (collection === undefined) throw new SyncError('UNKNOWN_COLLECTION', `"${name}" is unknown here.`);
      return collection.idOf(row);
    },
  };
}

function conflictError(error: SyncError, reason: string): SyncError {
  const { status, cause, details } = error;
  return new SyncError('CONFLICT', error.message, {
    ...(status !== undefined && { status }),
    ...(cause !== undefined && { cause }),
    details: { ...details, reason },
  });
}
