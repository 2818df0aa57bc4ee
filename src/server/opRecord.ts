import type { Caller } from './caller.js';
import { fingerprint } from './canonicalJson.js';
import type { Sql, Transaction } from './database.js';
import type { RowWrite } from './effect.js';
import { problem } from './problem.js';
import type { Entity, JsonValue, Op, OpResult, Problem } from './protocol.js';

/** One op of one subject. `raw` is the op as sent: the fingerprint covers all of it. */
export interface OpRequest extends Caller {
  readonly op: Op;
  readonly raw: unknown;
  readonly client: string;
}

/** What an op is answered, now and to every copy of it. */
export interface OpReply {
  readonly status: number;
  readonly entities: readonly Entity[];
  readonly problem?: Problem;
  readonly result?: JsonValue;
}

interface OpRecord {
  readonly fingerprint: string;
  readonly reply: OpReply;
}

// A concurrent duplicate waits in this statement until the other one ends. No row: recorded already, or the
// client has gone on to a later rev (this is a late copy of a request it has given up).
const CLAIM = `
  INSERT INTO holdfast.op (tenant, subject, token, rev, fingerprint)
  SELECT $5, $1, $2, $3::bigint, $4
  WHERE NOT EXISTS (
    SELECT FROM holdfast.op WHERE tenant = $5 AND subject = $1 AND token = $2 AND rev > $3::bigint
  )
  ON CONFLICT DO NOTHING RETURNING 1 AS claimed`;
const RECALL = `
  SELECT fingerprint, reply FROM holdfast.op
  WHERE tenant = $4 AND subject = $1 AND token = $2 AND rev = $3::bigint AND reply IS NOT NULL`;
const RECORD = `
  UPDATE holdfast.op SET status = $4::smallint, reply = $5::text::jsonb, writes = $6::text::jsonb
  WHERE tenant = $7 AND subject = $1 AND token = $2 AND rev = $3::bigint`;

/** Takes the key for the rest of `tx`; false when it is taken for good. */
export async function claimOp(tx: Transaction, { op, raw, subject, tenant }: OpRequest): Promise<boolean> {
  const claimed = await tx.query(CLAIM, [subject, op.op, op.rev, fingerprint(raw), tenant]);
  return claimed.length > 0;
}

/** The stored reply to this key, if there is one; 422 if the key was used for other content. */
export async function recallOp(
  sql: Sql,
  { op, raw, subject, tenant }: OpRequest,
): Promise<OpResult | undefined> {
  const [record] = await sql.query<OpRecord>(RECALL, [subject, op.op, op.rev, tenant]);
  if (record === undefined) return undefined;
  if (record.fingerprint !== fingerprint(raw)) return refusal(op, problem('key-reused'));
  return { op: op.op, rev: op.rev, ...record.reply, replayed: true };
}

/** Stores the reply to a claimed key, and which rows the op moved between which versions. */
export async function recordOp(
  tx: Transaction,
  { op, subject, tenant }: OpRequest,
  reply: OpReply,
  writes: readonly RowWrite[],
): Promise<void> {
  await tx.query(RECORD, [
    subject,
    op.op,
    op.rev,
    reply.status,
    JSON.stringify(reply),
    JSON.stringify(writes),
    tenant,
  ]);
}

/** 2xx: the op has taken effect. */
export function isAccepted({ status }: Pick<OpReply, 'status'>): boolean {
  return status >= 200 && status < 300;
}

const ASKED_AGAIN: readonly number[] = [401, 408, 425, 426, 429];

/**
 * Whether the client takes this for the server's last word. Then it is recorded; else the op will be sent again under
 * the same key, and nothing that comes after it in its batch may overtake it.
 */
export function isDecided({ status, problem: said }: Pick<OpReply, 'status' | 'problem'>): boolean {
  const is = (name: string): boolean => said?.type.endsWith(name) === true;
  if (status >= 500 || ASKED_AGAIN.includes(status)) return false;
  return !(status === 403 && is('wrong-account')) && !(status === 409 && is('in-progress'));
}

/** The result of an op that was not accepted. */
export function refusal(
  op: { readonly op: string | null; readonly rev: number | null },
  content: Problem,
): OpResult {
  return { op: op.op, rev: op.rev, status: content.status, entities: [], problem: content, replayed: false };
}
