import type { Change } from './changes.js';
import type { Sum } from './checksum.js';
import type { ServerRow, Version } from './entity.js';
import { describe } from './errors.js';
import type { AssignedId } from './identity.js';
import { idempotencyKey } from './mutation.js';
import type { OutgoingOp, PullPage, Reply } from './reply.js';
import { readRetryAfter } from './retryAfter.js';
import { toJson } from './serialize.js';

// The JSON of the sync protocol, version 1: what an op looks like, and what may be believed of an answer.

/**
 * The bytes of one op. `patch` sets top-level fields verbatim (null is a value), `unset` lists the removed ones (CF6).
 * Throws `NOT_SERIALIZABLE` for what JSON would alter (OB6).
 */
export function encodeOp({ token, rev, changes, versions, command, after, follows }: OutgoingOp): string {
  const op: Fields = { op: token, rev };
  const [first, ...others] = changes;
  if (command !== undefined) {
    op['kind'] = 'command';
    op['name'] = command.name;
    op['args'] = toJson(command.args, command.name) ?? null;
  } else if (first !== undefined && others.length === 0) putChange(op, first, versions?.[0]);
  else {
    op['kind'] = 'group';
    op['changes'] = changes.map((change, i) => putChange({}, change, versions?.[i]));
  }
  op['after'] = after;
  if (follows !== undefined && follows.length > 0) op['follows'] = follows;
  return JSON.stringify(op);
}

type Fields = Record<string, unknown>;

/** What it was based on goes along, so that the server can tell whether another has written meanwhile (CF1). */
function putChange(op: Fields, change: Change, version: Version | undefined): Fields {
  op['kind'] = change.kind;
  op['type'] = change.collection;
  op['id'] = change.id;
  if (change.kind === 'insert') {
    op['data'] = toJson(change.row, change);
    return op;
  }
  if (change.kind === 'update') {
    op['patch'] = toJson(change.patch, change);
    op['unset'] = change.unset;
  }
  if (typeof version === 'number') op['ifVersion'] = version;
  return op;
}

/** `{type, id, version, data, at}` as a row; undefined when it is anything else. `data: null` is a tombstone. */
export function readEntity(value: unknown): ServerRow | undefined {
  if (!isObject(value)) return undefined;
  const { type, id, version, data, at } = value;
  if (typeof type !== 'string' || type === '' || typeof id !== 'string' || id === '') return undefined;
  if (typeof version !== 'string' && !(Number.isSafeInteger(version) && (version as number) >= 0))
    return undefined;
  if (data !== null && !isObject(data)) return undefined;
  const row = value['deleted'] === true || data === null ? undefined : data;
  const written = typeof at === 'number' && Number.isFinite(at) ? { at } : {};
  return { collection: type, id, row, version: version as string | number, ...written };
}

/** `{type, from, to}`: the server has named a row that was inserted as `from` (ID1). */
function readAssignedId(value: unknown): AssignedId | undefined {
  if (!isObject(value)) return undefined;
  const { type, from, to } = value;
  const isId = (id: unknown): id is string => typeof id === 'string' && id !== '';
  return isId(type) && isId(from) && isId(to) ? { collection: type, from, to } : undefined;
}

/** One element of `results`: the key it echoes, and what it says; `wrong` names what is not of this protocol. */
export interface WireResult {
  readonly key: string;
  readonly reply: Extract<Reply, { kind: 'answer' }> | { readonly kind: 'wrong'; readonly wrong: string };
}

/** Undefined when it does not say which op it is about. */
export function readResult(value: unknown): WireResult | undefined {
  if (!isObject(value) || typeof value['op'] !== 'string' || !Number.isSafeInteger(value['rev']))
    return undefined;
  const { op, rev, status, entities = [], ids = [], result, problem } = value;
  const key = idempotencyKey({ token: op, rev: rev as number });
  const wrong = (what: string): WireResult => ({ key, reply: { kind: 'wrong', wrong: what } });
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 599)
    return wrong(`status ${describe(status)}`);
  if (!Array.isArray(entities)) return wrong(`entities ${describe(entities)}`);
  const rows = entities.map(readEntity);
  if (!rows.every((row) => row !== undefined)) return wrong('a malformed entity');
  const assigned = Array.isArray(ids) ? ids.map(readAssignedId) : [undefined];
  if (!assigned.every((one) => one !== undefined)) return wrong('malformed ids');
  const retryAfterMs = readRetryAfter(undefined, problem, NaN);
  return {
    key,
    reply: {
      kind: 'answer',
      status,
      rows,
      ...(assigned.length > 0 && { ids: assigned }),
      ...(result !== undefined && { result }),
      ...(isObject(problem) && { problem }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  };
}

/**
 * A page of the feed, or what is wrong with it. One bad change spoils the page: skipping it would lose it for good,
 * for the cursor moves on. Unknown collections are not bad; the engine ignores them.
 */
export function readPage(value: unknown, since: string | undefined): PullPage | { readonly wrong: string } {
  if (!isObject(value)) return { wrong: describe(value) };
  const { changes, cursor, upToDate } = value;
  if (typeof cursor !== 'string' || cursor === '') return { wrong: `a cursor that is ${describe(cursor)}` };
  if (typeof upToDate !== 'boolean') return { wrong: `upToDate ${describe(upToDate)}` };
  if (!Array.isArray(changes)) return { wrong: `changes ${describe(changes)}` };
  // Asking again with the same cursor would get the same answer, for ever.
  if (!upToDate && cursor === since)
    return { wrong: `upToDate false, and the cursor it was asked with (${since})` };
  const read: PullPage['changes'][number][] = [];
  for (const change of changes as unknown[]) {
    const row = readEntity(change);
    if (row === undefined) return { wrong: `a malformed change at index ${read.length}` };
    read.push({ ...row, op: echoOf(change as Record<string, unknown>) });
  }
  const sums = upToDate ? readSums(value['sums']) : undefined;
  return { changes: read, cursor, upToDate, ...(sums && { sums }) };
}

/** A server need not offer them, so what cannot be read is none. */
function readSums(value: unknown): ReadonlyMap<string, Sum> | undefined {
  if (!Array.isArray(value)) return undefined;
  const sums = new Map<string, Sum>();
  for (const sum of value as unknown[]) {
    if (!isObject(sum)) return undefined;
    const { type, rows, checksum } = sum;
    if (typeof type !== 'string' || !isCount(rows) || !isCount(checksum)) return undefined;
    sums.set(type, { rows, checksum });
  }
  return sums;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function echoOf({ op, rev }: Record<string, unknown>): string | undefined {
  if (typeof op !== 'string') return undefined;
  return Number.isSafeInteger(rev) ? idempotencyKey({ token: op, rev: rev as number }) : op;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
