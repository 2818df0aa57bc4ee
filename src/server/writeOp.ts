import { Refusal, runCommand, type CommandCode } from './command.js';
import { DatabaseError, type Transaction } from './database.js';
import {
  createEffect,
  type Effect,
  type Origin,
  type RowWrite,
  type ScopeOf,
  type Validate,
} from './effect.js';
import {
  claimOp,
  isAccepted,
  isDecided,
  recallOp,
  recordOp,
  refusal,
  type OpReply,
  type OpRequest,
} from './opRecord.js';
import type { Told } from './numberChanges.js';
import { problem } from './problem.js';
import type { Op, OpResult, Problem } from './protocol.js';

/** What {@link writeOp} needs to know about the server. */
export interface WriteRules {
  readonly commands: Readonly<Record<string, CommandCode>>;
  readonly validate?: Validate | undefined;
  readonly scopeOf: ScopeOf;
}

/** An op and its answer. */
export interface AnsweredOp {
  readonly result: OpResult;
  /** Whether the transaction may commit: an op that is to be sent again leaves no trace. */
  readonly keep: boolean;
  readonly told: Told;
}

/** What an op came to inside its transaction. */
interface Decision {
  readonly reply: OpReply;
  readonly writes: readonly RowWrite[];
  readonly told: Told;
}

const NOTHING: Told = new Map();

interface AcceptedOp {
  readonly token: string;
  readonly writes: readonly RowWrite[];
}

const ACCEPTED = `
  SELECT token, writes FROM holdfast.op
  WHERE tenant = $3 AND subject = $1 AND token = ANY($2::text[]) AND status BETWEEN 200 AND 299`;

/**
 * Decides one op inside `tx`: claim the key, run the effect under a savepoint, store the reply, a refusal too. The
 * effect and the record of it commit together or not at all. `forbidden` is what to refuse it with, if nobody has
 * decided it yet.
 *
 * @throws DatabaseError when the database failed and nothing is decided.
 */
export async function writeOp(
  tx: Transaction,
  request: OpRequest,
  rules: WriteRules,
  forbidden?: Problem,
): Promise<AnsweredOp> {
  const { op } = request;
  if (!(await claimOp(tx, request))) {
    const result = (await recallOp(tx, request)) ?? refusal(op, problem('superseded'));
    return { result, keep: true, told: NOTHING };
  }
  const { reply, writes, told } =
    forbidden === undefined ? await decide(tx, request, rules) : refused(forbidden);
  const keep = isDecided(reply);
  if (keep) await recordOp(tx, request, reply, writes);
  return { result: { op: op.op, rev: op.rev, ...reply, replayed: false }, keep, told };
}

function refused(content: Problem): Decision {
  return { reply: refusalReply(content), writes: [], told: NOTHING };
}

function refusalReply(content: Problem): OpReply {
  return { status: content.status, entities: [], problem: content };
}

async function decide(tx: Transaction, request: OpRequest, rules: WriteRules): Promise<Decision> {
  const { op, subject, tenant, client } = request;
  const before = [...op.after, ...(op.follows ?? [])];
  const accepted = before.length === 0 ? [] : await tx.query<AcceptedOp>(ACCEPTED, [subject, before, tenant]);
  const missing = op.after.filter((token) => !accepted.some((row) => row.token === token));
  if (missing.length > 0) return refused(problem('dependency-not-accepted', undefined, { missing }));

  const origin: Origin = { subject, tenant, client, op: op.op, rev: op.rev };
  const predecessors = before.flatMap((token) => accepted.find((row) => row.token === token)?.writes ?? []);
  const effect = createEffect({ tx, origin, predecessors, scopeOf: rules.scopeOf, validate: rules.validate });
  await tx.query('SAVEPOINT effect');
  const reply = await runEffect(op, effect, rules, origin);
  const done = isAccepted(reply);
  await tx.query(done ? 'RELEASE SAVEPOINT effect' : 'ROLLBACK TO SAVEPOINT effect');
  return done
    ? { reply, writes: effect.writes(), told: effect.told() }
    : { reply, writes: [], told: NOTHING };
}

async function runEffect(op: Op, effect: Effect, rules: WriteRules, origin: Origin): Promise<OpReply> {
  try {
    switch (op.kind) {
      case 'insert':
      case 'update':
      case 'delete': {
        const outcome = await effect.apply(op);
        return outcome.accepted
          ? { status: 200, entities: effect.entities() }
          : refusalReply(outcome.problem);
      }
      case 'group': {
        await effect.lock(op.changes);
        for (const [index, change] of op.changes.entries()) {
          const outcome = await effect.apply(change);
          if (!outcome.accepted) return refusalReply({ ...outcome.problem, change: index });
        }
        return { status: 200, entities: effect.entities() };
      }
      case 'command': {
        const code = Object.hasOwn(rules.commands, op.name) ? rules.commands[op.name] : undefined;
        if (code === undefined) return refusalReply(problem('unknown-command', op.name));
        const result = await runCommand(code, op.args, effect, origin);
        return { status: 200, entities: effect.entities(), ...(result !== undefined && { result }) };
      }
    }
  } catch (error) {
    if (error instanceof Refusal) return refusalReply(error.problem);
    if (error instanceof DatabaseError && error.kind === 'rejected')
      return refusalReply(
        problem('invalid', 'The database refuses this content.', { sqlState: error.sqlState }),
      );
    throw error;
  }
}
