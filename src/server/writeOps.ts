import { Refusal, runCommand, type CommandCode } from './command.js';
import type { Transaction } from './database.js';
import {
  createEffect,
  type Effect,
  type Origin,
  type RowWrite,
  type ScopeOf,
  type Validate,
} from './effect.js';
import { toTold, type Told } from './numberChanges.js';
import {
  claimOps,
  isAccepted,
  isDecided,
  opKey,
  recallOps,
  refusal,
  type DecidedOp,
  type OpReply,
  type OpRequest,
} from './opRecord.js';
import { problem } from './problem.js';
import type { Op, OpResult, Problem } from './protocol.js';
import { createWorkingRows, type WorkingRows } from './workingRows.js';

/** What {@link writeOps} needs to know about the server. */
export interface WriteRules {
  readonly commands: Readonly<Record<string, CommandCode>>;
  readonly validate?: Validate | undefined;
  readonly scopeOf: ScopeOf;
}

/** An op to decide; `forbidden` is what to refuse it with, if nobody has decided it yet. */
export interface AskedOp extends OpRequest {
  readonly forbidden?: Problem | undefined;
}

/** Ops of one subject, each under another token. */
export type AskedOps = readonly [AskedOp, ...AskedOp[]];

/** Ops and their answers. */
export interface AnsweredOps {
  readonly results: readonly OpResult[];
  /** Whether the transaction may commit: an op that is to be sent again leaves no trace. */
  readonly keep: boolean;
  readonly told: Told;
}

interface AcceptedOp {
  readonly token: string;
  readonly writes: readonly RowWrite[];
}

const ACCEPTED = `
  SELECT token, writes FROM holdfast.op
  WHERE tenant = $3 AND subject = $1 AND token = ANY($2::text[]) AND status BETWEEN 200 AND 299`;
const TELL_AND_RECORD = `
  WITH told AS (
    INSERT INTO holdfast.change (scope, part, type, id, version, data, op, rev, client, at, rows, checksum)
    SELECT s.scope, s.part, s.type, s.id, s.version, s.data, s.op, s.rev, s.client, to_timestamp(s.at / 1000.0),
      s.rows, s.checksum
    FROM jsonb_to_recordset($1::text::jsonb) AS s(
      n integer, scope text, part integer, type text, id text, version bigint, data jsonb,
      op text, rev bigint, client text, at bigint, rows smallint, checksum bigint
    )
    ORDER BY s.n RETURNING scope, ordinal
  ), recorded AS (
    UPDATE holdfast.op o SET status = d.status, reply = d.reply, writes = d.writes
    FROM jsonb_to_recordset($2::text::jsonb) AS d(op text, rev bigint, status smallint, reply jsonb, writes jsonb)
    WHERE o.tenant = $3 AND o.subject = $4 AND o.token = d.op COLLATE "C" AND o.rev = d.rev
  )
  SELECT scope, ordinal FROM told`;

/**
 * Decides ops inside `tx`, in order: claim the keys, lock the rows, run the effects one after the other in memory, then
 * write rows, changes and replies at once; a refusal is recorded, too. Effects and the records of them commit together
 * or not at all.
 *
 * @throws DatabaseError when the database failed; then nothing is decided, and `tx` is of no use.
 */
export async function writeOps(tx: Transaction, requests: AskedOps, rules: WriteRules): Promise<AnsweredOps> {
  const [{ tenant, subject }] = requests;
  const claimed = await claimOps(tx, requests);
  const [first, ...others] = requests.filter(({ op }) => !claimed.has(opKey(op)));
  const recorded = first && (await recallOps(tx, [first, ...others]));
  const mine = requests.filter(({ op }) => claimed.has(opKey(op)));

  const accepted = await recallAccepted(tx, mine, requests[0]);
  const rows = createWorkingRows(tx, tenant);
  await rows.lock(mine.flatMap(({ op, forbidden }) => (forbidden === undefined ? changesOf(op) : [])));

  const decided: DecidedOp[] = [];
  const results: OpResult[] = [];
  for (const [part, request] of requests.entries()) {
    const { op, forbidden } = request;
    if (!claimed.has(opKey(op))) {
      results.push(recorded?.get(opKey(op)) ?? refusal(op, problem('superseded')));
      continue;
    }
    const { reply, writes } =
      forbidden === undefined
        ? await decide({ request, part, rows, accepted, rules })
        : { reply: refusalReply(forbidden), writes: [] };
    results.push({ op: op.op, rev: op.rev, ...reply, replayed: false });
    if (!isDecided(reply)) return { results, keep: false, told: new Map() };
    if (isAccepted(reply)) accepted.set(op.op, writes);
    decided.push({ op, reply, writes });
  }
  await rows.write();
  return { results, keep: true, told: await tellAndRecord(tx, rows, decided, { tenant, subject }) };
}

/** The writes of the ops that `requests` come after, by token, where these were accepted. */
async function recallAccepted(
  tx: Transaction,
  requests: readonly OpRequest[],
  { subject, tenant }: OpRequest,
): Promise<Map<string, readonly RowWrite[]>> {
  const tokens = [...new Set(requests.flatMap(({ op }) => before(op)))];
  if (tokens.length === 0) return new Map();
  const found = await tx.query<AcceptedOp>(ACCEPTED, [subject, tokens, tenant]);
  return new Map(found.map(({ token, writes }) => [token, writes]));
}

const before = ({ after, follows = [] }: Op): readonly string[] => [...after, ...follows];

interface Deciding {
  readonly request: OpRequest;
  readonly part: number;
  readonly rows: WorkingRows;
  readonly accepted: ReadonlyMap<string, readonly RowWrite[]>;
  readonly rules: WriteRules;
}

async function decide({
  request,
  part,
  rows,
  accepted,
  rules,
}: Deciding): Promise<Pick<DecidedOp, 'reply' | 'writes'>> {
  const { op, subject, tenant, client } = request;
  const missing = op.after.filter((token) => !accepted.has(token));
  if (missing.length > 0)
    return { reply: refusalReply(problem('dependency-not-accepted', undefined, { missing })), writes: [] };
  const origin: Origin = { subject, tenant, client, op: op.op, rev: op.rev };
  const predecessors = before(op).flatMap((token) => accepted.get(token) ?? []);
  const effect = createEffect({ rows, origin, part, predecessors, ...rules });
  const reply = await runEffect(op, effect, rules, origin);
  if (!isAccepted(reply)) return { reply, writes: [] };
  rows.keep(effect.steps());
  return { reply, writes: effect.writes() };
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
    throw error;
  }
}

async function tellAndRecord(
  tx: Transaction,
  { steps }: WorkingRows,
  decided: readonly DecidedOp[],
  { tenant, subject }: Pick<OpRequest, 'tenant' | 'subject'>,
): Promise<Told> {
  if (decided.length === 0) return new Map();
  const changes = steps.map(({ entity, origin, ...step }, n) => {
    const { op, rev, client } = origin;
    return { n, ...entity, ...step, op, rev, client };
  });
  const records = decided.map(({ op: { op, rev }, reply, writes }) => ({
    op,
    rev,
    status: reply.status,
    reply,
    writes,
  }));
  const written = await tx.query<{ scope: string; ordinal: string | number }>(TELL_AND_RECORD, [
    JSON.stringify(changes),
    JSON.stringify(records),
    tenant,
    subject,
  ]);
  return toTold(written);
}

/** The changes of which an op says itself that it makes them. */
function changesOf(op: Op): readonly { readonly type: string; readonly id: string }[] {
  if (op.kind === 'command') return [];
  return op.kind === 'group' ? op.changes : [op];
}

function refusalReply(content: Problem): OpReply {
  return { status: content.status, entities: [], problem: content };
}
