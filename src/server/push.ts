import type { Caller } from './caller.js';
import { DatabaseError, type Database, type Transaction } from './database.js';
import type { ServerLogger } from './logger.js';
import type { ParsedOp, PushEnvelope, PushParser } from './parsePush.js';
import { isAccepted, isDecided, recallOp, refusal, type OpRequest } from './opRecord.js';
import { mergeTold, type Told } from './numberChanges.js';
import { problem } from './problem.js';
import type { Change, Command, Op, OpResult, Problem } from './protocol.js';
import { retryConflicts } from './retryConflicts.js';
import { writeOp, type WriteRules } from './writeOp.js';

/**
 * May this caller do this? Asked per change, before anything is written; a command counts as one change. Not asked
 * about an op that was decided before, either way.
 */
export type Authorize = (change: Change | Command, context: Caller) => boolean | Promise<boolean>;

/** Options of {@link createPush}. */
export interface PushOptions {
  readonly database: Database;
  readonly parser: PushParser;
  readonly rules: WriteRules;
  readonly authorize?: Authorize | undefined;
  readonly logger: ServerLogger;
  /** Called at the end of every transaction that is about to commit. */
  readonly beforeCommit: (tx: Transaction, told: Told) => Promise<void>;
  /** Told the scopes of every commit. */
  readonly onCommit: (scopes: Iterable<string>) => void;
}

/**
 * Decides the ops of one envelope, in order. Results end with the first op that is to be sent again: the rest is
 * undecided.
 */
export type Push = (envelope: PushEnvelope, caller: Caller) => Promise<readonly OpResult[]>;

type Readable = Extract<ParsedOp, { ok: true }>;
type Unreadable = Extract<ParsedOp, { ok: false }>;

/** Makes the push of one server. */
export function createPush(options: PushOptions): Push {
  const { database, parser, rules, authorize, logger, beforeCommit, onCommit } = options;
  const transact = retryConflicts(database);

  // Outside the transaction: the hook may be slow, and must not wait for the connection it would block. An op
  // that was decided once is answered from its record, whatever the subject may do today.
  async function ask(request: OpRequest): Promise<Asked> {
    if (authorize === undefined) return { kind: 'allowed' };
    const recorded = await recallOp(database, request);
    if (recorded !== undefined) return { kind: 'recorded', result: recorded };
    for (const [index, change] of changesOf(request.op).entries())
      if (!(await authorize(change, { subject: request.subject, tenant: request.tenant })))
        return { kind: 'forbidden', problem: problem('forbidden', undefined, { change: index }) };
    return { kind: 'allowed' };
  }

  /** `undefined`: transient, undecided. A bug on the way to a decision is answered with 500 and sent again. */
  async function guarded<T>(work: () => Promise<T>, onBug: () => T): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DatabaseError && error.kind === 'unavailable') {
        logger.warn('The database is unavailable; the rest of the batch is undecided.', error);
        return undefined;
      }
      logger.error('An op failed.', error);
      return onBug();
    }
  }

  async function decideOne(request: OpRequest): Promise<OpResult> {
    const asked = await ask(request);
    if (asked.kind === 'recorded') return asked.result;
    // A refusal claims the key like an effect: of two copies that were told different things, the first decides.
    const forbidden = asked.kind === 'forbidden' ? asked.problem : undefined;
    const answered = await transact(async (tx) => {
      await tx.query("SET LOCAL lock_timeout = '3s'");
      const value = await writeOp(tx, request, rules, forbidden);
      if (value.keep) await beforeCommit(tx, value.told);
      return { commit: value.keep, value };
    });
    onCommit(answered.told.keys());
    return answered.result;
  }

  async function oneByOne(ops: readonly ParsedOp[], context: Context): Promise<readonly OpResult[]> {
    const results: OpResult[] = [];
    for (const parsed of ops) {
      const result = parsed.ok
        ? await guarded(
            () => decideOne({ ...context, ...parsed }),
            () => refusal(parsed.op, problem('internal')),
          )
        : unreadable(parsed);
      if (result === undefined) break;
      results.push(result);
      // It will be sent again, and what follows may build on it: nothing may overtake it.
      if (!isDecided(result)) break;
    }
    return results;
  }

  async function allOrNone(ops: readonly ParsedOp[], context: Context): Promise<readonly OpResult[]> {
    const readable = ops.filter((parsed): parsed is Readable => parsed.ok);
    if (readable.length < ops.length)
      return ops.map((parsed) => (parsed.ok ? notAlone(parsed) : unreadable(parsed)));
    const stopAt = (index: number, cause: OpResult): readonly OpResult[] =>
      readable.map((parsed, i) => (i === index ? cause : notAlone(parsed)));

    let current = 0; // the op a bug is blamed on
    const results = await guarded(
      async () => {
        for (const [index, parsed] of readable.entries()) {
          current = index;
          const asked = await ask({ ...context, ...parsed });
          if (asked.kind === 'forbidden') return stopAt(index, refusal(parsed.op, asked.problem));
          if (asked.kind === 'recorded' && !isAccepted(asked.result)) return stopAt(index, asked.result);
        }
        const { results, told } = await transact(async (tx) => {
          await tx.query("SET LOCAL lock_timeout = '3s'");
          const done: OpResult[] = [];
          const written: Told[] = [];
          for (const [index, parsed] of readable.entries()) {
            current = index;
            const { result, told } = await writeOp(tx, { ...context, ...parsed }, rules);
            if (!isAccepted(result))
              return { commit: false, value: { results: stopAt(index, result), told: mergeTold([]) } };
            done.push(result);
            written.push(told);
          }
          const told = mergeTold(written);
          await beforeCommit(tx, told);
          return { commit: true, value: { results: done, told } };
        });
        onCommit(told.keys());
        return results;
      },
      () => stopAt(current, refusal(readable[current]?.op ?? { op: null, rev: null }, problem('internal'))),
    );
    return results ?? [];
  }

  return (envelope, caller) => {
    const ops = envelope.ops.map((raw) => parser.op(raw));
    const context = { ...caller, client: envelope.client };
    return envelope.atomic ? allOrNone(ops, context) : oneByOne(ops, context);
  };
}

/** What `authorize` says of an op, unless the op was decided before. */
type Asked =
  | { readonly kind: 'recorded'; readonly result: OpResult }
  | { readonly kind: 'allowed' }
  | { readonly kind: 'forbidden'; readonly problem: Problem };

interface Context extends Caller {
  readonly client: string;
}

function changesOf(op: Op): readonly (Change | Command)[] {
  return op.kind === 'group' ? op.changes : [op];
}

function unreadable({ token, rev, problem: content }: Unreadable): OpResult {
  return refusal({ op: token, rev }, content);
}

function notAlone({ op }: Readable): OpResult {
  return refusal(op, problem('batch-not-accepted'));
}
