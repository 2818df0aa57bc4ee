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

/** Ops of one subject. */
export type Requests = readonly [OpRequest, ...OpRequest[]];

/** What an op is answered, now and to every copy of it. */
export interface OpReply {
  readonly status: number;
  readonly entities: readonly Entity[];
  readonly problem?: Problem;
  readonly result?: JsonValue;
}

/** Names an op within its subject. */
export const opKey = ({ op, rev }: Pick<Op, 'op' | 'rev'>): string => JSON.stringify([op, rev]);

/** What became of an op whose key was claimed, and between which versions it moved rows. */
export interface DecidedOp {
  readonly op: Op;
  readonly reply: OpReply;
  readonly writes: readonly RowWrite[];
}

interface OpRecord {
  readonly op: string;
  readonly rev: string | number;
  readonly fingerprint: string;
  readonly reply: OpReply;
}

// A concurrent duplicate waits in this statement until the other one ends. Not returned: recorded already, or the
// client has gone on to a later rev (this is a late copy of a request it has given up). Sorted, against deadlocks.
const CLAIM = `
  INSERT INTO holdfast.op (tenant, subject, token, rev, fingerprint)
  SELECT $2, $3, k.op, k.rev, k.fingerprint
  FROM jsonb_to_recordset($1::text::jsonb) AS k(op text, rev bigint, fingerprint text)
  WHERE NOT EXISTS (
    SELECT FROM holdfast.op o
    WHERE o.tenant = $2 AND o.subject = $3 AND o.token = k.op COLLATE "C" AND o.rev > k.rev
  )
  ORDER BY k.op COLLATE "C", k.rev
  ON CONFLICT DO NOTHING RETURNING token AS op, rev`;
const RECALL = `
  SELECT o.token AS op, o.rev, o.fingerprint, o.reply FROM holdfast.op o
  JOIN jsonb_to_recordset($1::text::jsonb) AS k(op text, rev bigint)
    ON o.token = k.op COLLATE "C" AND o.rev = k.rev AND o.tenant = $2 AND o.subject = $3
  WHERE o.reply IS NOT NULL`;

/** Takes the keys of several ops of one subject for the rest of `tx`. @returns those that were free. */
export async function claimOps(tx: Transaction, requests: Requests): Promise<ReadonlySet<string>> {
  const [{ subject, tenant }] = requests;
  const keys = requests.map(({ op: { op, rev }, raw }) => ({ op, rev, fingerprint: fingerprint(raw) }));
  const claimed = await tx.query<Pick<OpRecord, 'op' | 'rev'>>(CLAIM, [
    JSON.stringify(keys),
    tenant,
    subject,
  ]);
  return new Set(claimed.map(({ op, rev }) => opKey({ op, rev: Number(rev) })));
}

/** The stored replies to several ops of one subject, where there are any; 422 if the key was used for other content. */
export async function recallOps(sql: Sql, requests: Requests): Promise<ReadonlyMap<string, OpResult>> {
  const [{ subject, tenant }] = requests;
  const keys = requests.map(({ op: { op, rev } }) => ({ op, rev }));
  const records = await sql.query<OpRecord>(RECALL, [JSON.stringify(keys), tenant, subject]);
  const found = new Map(records.map((record) => [opKey({ op: record.op, rev: Number(record.rev) }), record]));
  return new Map(
    requests.flatMap(({ op, raw }): [string, OpResult][] => {
      const record = found.get(opKey(op));
      if (record === undefined) return [];
      if (record.fingerprint !== fingerprint(raw)) return [[opKey(op), refusal(op, problem('key-reused'))]];
      return [[opKey(op), { op: op.op, rev: op.rev, ...record.reply, replayed: true }]];
    }),
  );
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
