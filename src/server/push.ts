import type { Caller } from './caller.js';
import type { Database, Transaction } from './database.js';
import { createDecideOps, LOCK_TIMEOUT, refusedByDatabase } from './decideOps.js';
import { askFor, gatherOps, type Authorize } from './gatherOps.js';
import { createGuarded } from './guarded.js';
import type { ServerLogger } from './logger.js';
import type { ParsedOp, PushEnvelope, PushParser } from './parsePush.js';
import { isAccepted, isDecided, opKey, recallOps, refusal, type OpRequest } from './opRecord.js';
import { mergeTold, type Told } from './numberChanges.js';
import { problem } from './problem.js';
import type { OpResult } from './protocol.js';
import { retryConflicts } from './retryConflicts.js';
import { writeOps, type WriteRules } from './writeOps.js';

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

/** An op that is to be decided, or what it is answered without. */
type Step = { readonly request: OpRequest } | { readonly result: OpResult };

/** Makes the push of one server. */
export function createPush(options: PushOptions): Push {
  const { database, parser, rules, authorize, logger, beforeCommit, onCommit } = options;
  const transact = retryConflicts(database);
  const guarded = createGuarded(logger);
  const decide = createDecideOps({ transact, rules, guarded, logger, beforeCommit, onCommit });

  /** An op that was decided once is answered from its record, whatever the subject may do today. */
  async function recall(requests: readonly OpRequest[]): Promise<ReadonlyMap<string, OpResult>> {
    const [first, ...others] = requests;
    if (authorize === undefined || first === undefined) return new Map();
    const answers = await guarded(
      () => recallOps(database, [first, ...others]),
      () => new Map([[opKey(first.op), refusal(first.op, problem('internal'))]]),
    );
    return answers ?? new Map();
  }

  async function oneByOne(ops: readonly ParsedOp[], context: Context): Promise<readonly OpResult[]> {
    const known = await recall(ops.flatMap((parsed) => (parsed.ok ? [{ ...context, ...parsed }] : [])));
    const steps = ops.map((parsed): Step => {
      if (!parsed.ok) return { result: unreadable(parsed) };
      const result = known.get(opKey(parsed.op));
      return result === undefined ? { request: { ...context, ...parsed } } : { result };
    });
    const results: OpResult[] = [];
    for (let goesOn = true; goesOn && results.length < steps.length;) {
      const next = await decideNext(steps.slice(results.length));
      results.push(...next.results);
      // It will be sent again, and what follows may build on it: nothing may overtake it.
      ({ goesOn } = next);
    }
    return results;
  }

  async function decideNext(
    steps: readonly Step[],
  ): Promise<{ readonly results: readonly OpResult[]; readonly goesOn: boolean }> {
    const [head] = steps;
    if (head !== undefined && 'result' in head)
      return { results: [head.result], goesOn: isDecided(head.result) };
    const answered = steps.findIndex((step) => 'result' in step);
    const open = steps.slice(0, answered < 0 ? steps.length : answered);
    const [first, ...others] = open.flatMap((step) => ('request' in step ? [step.request] : []));
    if (first === undefined) return { results: [], goesOn: false };
    const decided = await guarded(
      async () => {
        const ops = await gatherOps([first, ...others], authorize);
        const results = await decide(ops);
        return { results, goesOn: results.length === ops.length && results.every(isDecided) };
      },
      () => ({ results: [refusal(first.op, problem('internal'))], goesOn: false }),
    );
    return decided ?? { results: [], goesOn: false };
  }

  async function allOrNone(ops: readonly ParsedOp[], context: Context): Promise<readonly OpResult[]> {
    const readable = ops.filter((parsed): parsed is Readable => parsed.ok);
    if (readable.length < ops.length)
      return ops.map((parsed) => (parsed.ok ? notAlone(parsed) : unreadable(parsed)));
    const requests = readable.map((parsed) => ({ ...context, ...parsed }));
    const stopAt = (index: number, cause: OpResult): readonly OpResult[] =>
      readable.map((parsed, i) => (i === index ? cause : notAlone(parsed)));

    let current = 0; // the op a bug is blamed on
    const results = await guarded(
      async () => {
        const known = await recall(requests);
        for (const [index, request] of requests.entries()) {
          current = index;
          const recorded = known.get(opKey(request.op));
          if (recorded !== undefined && !isAccepted(recorded)) return stopAt(index, recorded);
          const forbidden = recorded === undefined ? await askFor(authorize, request) : undefined;
          if (forbidden !== undefined) return stopAt(index, refusal(request.op, forbidden));
        }
        const { results, told } = await transact(async (tx) => {
          await tx.query(LOCK_TIMEOUT);
          const done: OpResult[] = [];
          const written: Told[] = [];
          for (const [index, request] of requests.entries()) {
            current = index;
            const { result, told } = await writeOne(tx, request);
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

  /** One at a time, so that it is known which one the database refuses. */
  async function writeOne(
    tx: Transaction,
    request: OpRequest,
  ): Promise<{ readonly result: OpResult; readonly told: Told }> {
    try {
      const { results, told } = await writeOps(tx, [request], rules);
      return { result: results[0] ?? refusal(request.op, problem('internal')), told };
    } catch (error) {
      const content = refusedByDatabase(error);
      if (content === undefined) throw error;
      return { result: refusal(request.op, content), told: mergeTold([]) };
    }
  }

  return (envelope, caller) => {
    const ops = envelope.ops.map((raw) => parser.op(raw));
    const context = { ...caller, client: envelope.client };
    return envelope.atomic ? allOrNone(ops, context) : oneByOne(ops, context);
  };
}

interface Context extends Caller {
  readonly client: string;
}

function unreadable({ token, rev, problem: content }: Unreadable): OpResult {
  return refusal({ op: token, rev }, content);
}

function notAlone({ op }: Readable): OpResult {
  return refusal(op, problem('batch-not-accepted'));
}
