import { fingerprint } from './canonicalJson.js';
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
import { problem } from './problem.js';
import type { Entity, JsonValue, Op, OpResult, Problem } from './protocol.js';

/** What {@link writeOp} needs to know about the server. */
export interface WriteRules {
  readonly commands: Readonly<Record<string, CommandCode>>;
  readonly validate?: Validate | undefined;
  readonly scopeOf: ScopeOf;
}

/** One op of one subject. `raw` is the op as sent: the fingerprint covers all of it. */
export interface OpRequest {
  readonly op: Op;
  readonly raw: unknown;
  readonly subject: string;
  readonly client: string;
}

/** A decided op. `keep` tells whether the transaction may commit: only 2xx and 422 are recorded. */
export interface DecidedOp {
  readonly result: OpResult;
  readonly keep: boolean;
  readonly scopes: ReadonlySet<string>;
}

interface Reply {
  readonly status: number;
  readonly entities: readonly Entity[];
  readonly problem?: Problem;
  readonly result?: JsonValue;
}

interface OpRecord {
  readonly fingerprint: string;
  readonly reply: Reply;
}

const NOTHING: ReadonlySet<string> = new Set();
const isAccepted = (status: number): boolean => status >= 200 && status < 300;

// A concurrent duplicate waits in this statement until the other one ends. No row: recorded already, or the
// client has gone on to a later rev (this is a late copy of a request it has given up).
const CLAIM = `
  INSERT INTO holdfast.op (subject, token, rev, fingerprint)
  SELECT $1, $2, $3::bigint, $4
  WHERE NOT EXISTS (SELECT FROM holdfast.op WHERE subject = $1 AND token = $2 AND rev > $3::bigint)
  ON CONFLICT DO NOTHING RETURNING 1 AS claimed`;
const RECALL =
  'SELECT fingerprint, reply FROM holdfast.op WHERE subject = $1 AND token = $2 AND rev = $3::bigint AND reply IS NOT NULL';
const ACCEPTED = `
  SELECT token, writes FROM holdfast.op
  WHERE subject = $1 AND token = ANY($2::text[]) AND status BETWEEN 200 AND 299`;
const RECORD = `
  UPDATE holdfast.op SET status = $4::smallint, reply = $5::text::jsonb, writes = $6::text::jsonb
  WHERE subject = $1 AND token = $2 AND rev = $3::bigint`;

/**
 * Decides one op inside `tx`: claim the key, run the effect under a savepoint, store the reply. The effect and
 * the record of it commit together or not at all.
 *
 * @throws DatabaseError when the database failed and nothing is decided.
 */
export async function writeOp(tx: Transaction, request: OpRequest, rules: WriteRules): Promise<DecidedOp> {
  const { op, subject } = request;
  const [claimed] = await tx.query(CLAIM, [subject, op.op, op.rev, fingerprint(request.raw)]);
  if (claimed === undefined) {
    const result = (await recallOp(tx, request)) ?? refusal(op, problem('superseded'));
    return { result, keep: isAccepted(result.status), scopes: NOTHING };
  }

  const accepted = await tx.query<{ token: string; writes: readonly RowWrite[] }>(ACCEPTED, [
    subject,
    op.after,
  ]);
  const missing = op.after.filter((token) => !accepted.some((row) => row.token === token));
  if (missing.length > 0)
    return {
      result: refusal(op, problem('dependency-not-accepted', undefined, { missing })),
      keep: false,
      scopes: NOTHING,
    };

  const origin: Origin = { subject, client: request.client, op: op.op, rev: op.rev };
  const predecessors = op.after.flatMap((token) => accepted.find((row) => row.token === token)?.writes ?? []);
  const effect = createEffect({ tx, origin, predecessors, scopeOf: rules.scopeOf, validate: rules.validate });
  await tx.query('SAVEPOINT effect');
  const reply = await runEffect(op, effect, rules, origin);
  const done = isAccepted(reply.status);
  await tx.query(done ? 'RELEASE SAVEPOINT effect' : 'ROLLBACK TO SAVEPOINT effect');
  const keep = done || reply.status === 422;
  if (keep)
    await tx.query(RECORD, [
      subject,
      op.op,
      op.rev,
      reply.status,
      JSON.stringify(reply),
      JSON.stringify(done ? effect.writes() : []),
    ]);
  return {
    result: { op: op.op, rev: op.rev, ...reply, replayed: false },
    keep,
    scopes: done ? effect.scopes() : NOTHING,
  };
}

/** The stored reply to this key, if there is one; 422 if the key was used for other content. */
export async function recallOp(
  sql: Pick<Transaction, 'query'>,
  request: OpRequest,
): Promise<OpResult | undefined> {
  const { op, subject } = request;
  const [record] = await sql.query<OpRecord>(RECALL, [subject, op.op, op.rev]);
  if (record === undefined) return undefined;
  if (record.fingerprint !== fingerprint(request.raw)) return refusal(op, problem('key-reused'));
  return { op: op.op, rev: op.rev, ...record.reply, replayed: true };
}

/** The result of an op that was not accepted. */
export function refusal(
  op: { readonly op: string | null; readonly rev: number | null },
  content: Problem,
): OpResult {
  return { op: op.op, rev: op.rev, status: content.status, entities: [], problem: content, replayed: false };
}

async function runEffect(op: Op, effect: Effect, rules: WriteRules, origin: Origin): Promise<Reply> {
  const refused = (content: Problem): Reply => ({ status: content.status, entities: [], problem: content });
  try {
    switch (op.kind) {
      case 'insert':
      case 'update':
      case 'delete': {
        const outcome = await effect.apply(op);
        return outcome.accepted ? { status: 200, entities: effect.entities() } : refused(outcome.problem);
      }
      case 'group': {
        await effect.lock(op.changes);
        for (const [index, change] of op.changes.entries()) {
          const outcome = await effect.apply(change);
          if (!outcome.accepted) return refused({ ...outcome.problem, change: index });
        }
        return { status: 200, entities: effect.entities() };
      }
      case 'command': {
        const code = Object.hasOwn(rules.commands, op.name) ? rules.commands[op.name] : undefined;
        if (code === undefined) return refused(problem('unknown-command', op.name));
        const result = await runCommand(code, op.args, effect, origin);
        return { status: 200, entities: effect.entities(), ...(result !== undefined && { result }) };
      }
    }
  } catch (error) {
    if (error instanceof Refusal) return refused(error.problem);
    if (error instanceof DatabaseError && error.kind === 'rejected')
      return refused(problem('invalid', 'The database refuses this content.', { sqlState: error.sqlState }));
    throw error;
  }
}
