import { sameValue } from '../domain/changes.js';
import { checkId, type ServerRow, type Version } from '../domain/entity.js';
import { isObject, readEntity } from '../domain/wire.js';
import { answer, failed, unexpected, WITHOUT_PROBLEM, type Answer, type Received } from './httpReplies.js';
import type { RowOp } from './restRequests.js';
import { entityTag, type Resource, type RestJson } from './restResource.js';

// From a REST answer to a reply: what it says of the row, and what may be believed of it (RT1).

/** What the server has under the op's id. */
export type Sight =
  | { readonly kind: 'found'; readonly row: ServerRow; readonly json: unknown; readonly reply: Answer }
  | { readonly kind: 'absent' }
  /** Rows cannot be read there, or not like this. */
  | { readonly kind: 'unclear' }
  | { readonly kind: 'undecided'; readonly reply: Answer };

/** The reply to a command. */
export function readCommand(received: Received): Answer {
  return refusal(received) ?? accepted(received, { result: received.json });
}

/** The reply to an op on a row. */
export function readReply(received: Received, op: RowOp, resource: Resource): Answer {
  const refused = refusal(received);
  if (refused !== undefined)
    return refused.kind === 'answer' ? { ...refused, rows: currentRows(received, op, resource) } : refused;
  switch (op.kind) {
    case 'insert':
      return readCreated(received, op, resource);
    case 'update':
    case 'replace':
      return readUpdated(received, op, resource);
    case 'delete':
      return accepted(received);
  }
}

/** A create that an earlier send had carried out: `json` is what a look for it found. */
export function readFound(json: RestJson, op: RowOp, resource: Resource): Answer {
  const received = { response: new Response(null), text: '', json: json as unknown };
  const row = serverRow(received, op, resource);
  return row instanceof Error || row === undefined
    ? failed(unexpected(received, 'findCreated found what is no row', row))
    : created(received, op, row, row.id);
}

/** The answer to a GET of the op's row. */
export function readSight(received: Received, op: RowOp, resource: Resource): Sight {
  const { response, json } = received;
  const reply = refusal(received);
  if (reply === undefined) {
    const row = serverRow(received, op, resource);
    if (row === undefined || row instanceof Error || row.id !== op.id) return { kind: 'unclear' };
    return { kind: 'found', row, json, reply: withRow(received, row) };
  }
  if (reply.kind !== 'answer' || reply.status >= 500 || WITHOUT_PROBLEM.has(reply.status))
    return { kind: 'undecided', reply };
  return { kind: response.status === 404 || response.status === 410 ? 'absent' : 'unclear' };
}

// Statuses that a proxy, a firewall or a wrong address answers with a page.
const OFTEN_A_PAGE: ReadonlySet<number> = new Set([403, 404, 405, 410, 451]);

/** Undefined when the server has accepted. A page refuses nothing, deletes nothing and confirms nothing. */
function refusal(received: Received): Answer | undefined {
  const { response, text, json } = received;
  const { status } = response;
  const isPage = /^\s*(?:text\/html|application\/xhtml)/i.test(response.headers.get('content-type') ?? '');
  if (!response.ok)
    return isPage && OFTEN_A_PAGE.has(status)
      ? failed(unexpected(received, 'a page is not an answer of an API'))
      : answer(received);
  // 201 is nobody's but the server's, whatever it says with it.
  return text === '' || json !== undefined || status === 201
    ? undefined
    : failed(unexpected(received, 'it is not JSON'));
}

type Accepted = Extract<Answer, { kind: 'answer' }>;

function accepted(received: Received, rest: Partial<Accepted> = {}): Answer {
  return { ...answer({ ...received, json: undefined }), ...rest };
}

function readCreated(received: Received, op: RowOp, resource: Resource): Answer {
  const { response, text, json } = received;
  if (response.status === 202) return accepted(received); // what came is about a job, not about the row
  const row = serverRow(received, op, resource);
  const tells =
    text === '' || json === undefined ? response.status !== 200 : typeof json === 'object' && json !== null;
  if (!tells || row instanceof Error)
    // Sent again it would be created again, every time.
    return resource.safety === 'none'
      ? accepted(received)
      : failed(unexpected(received, 'it tells nothing of the row it created', row));
  const id = row?.id ?? (op.request.method === 'POST' ? idInLocation(response) : undefined) ?? op.id;
  return id === op.id || op.request.method === 'POST' ? created(received, op, row, id) : ofAnother(received);
}

function created(received: Received, op: RowOp, row: ServerRow | undefined, id: string): Answer {
  return accepted(received, {
    ...(row !== undefined && { rows: [row], result: row.row }),
    ...(id !== op.id && { ids: [{ collection: op.collection, from: op.id, to: id }] }),
  });
}

function readUpdated(received: Received, op: RowOp, resource: Resource): Answer {
  const row = received.response.status === 202 ? undefined : serverRow(received, op, resource);
  if (row === undefined) return accepted(received);
  if (row instanceof Error) return failed(unexpected(received, 'it cannot be read as a row', row));
  if (row.id !== op.id) return ofAnother(received);
  return isIgnored(row, op) ? ignored(received, op, row) : withRow(received, row);
}

const withRow = (received: Received, row: ServerRow): Answer =>
  accepted(received, { rows: [row], result: row.row });

const ofAnother = (received: Received): Answer => failed(unexpected(received, 'it is about another row'));

/** Body parsers skip types they do not know; the handler then changes nothing and answers 200. */
function isIgnored({ row = {} }: ServerRow, { was = {} }: RowOp): boolean {
  const fields = Object.keys(was);
  return fields.length > 0 && fields.every((field) => sameValue(row[field], was[field]));
}

function ignored(received: Received, { collection, request }: RowOp, row: ServerRow): Answer {
  const problem = {
    title: 'The server left the row as it was',
    detail: `It may not read ${request.headers['content-type'] ?? ''}: then set contentType of "${collection}".`,
  };
  return accepted(received, { status: 415, rows: [row], problem });
}

/** Undefined when the JSON has no id: it is not about a row. An error when the app's own functions stumble over it. */
function serverRow(
  { response, json }: Pick<Received, 'response' | 'json'>,
  { collection }: RowOp,
  { idOf, fromBody, versionOf, timeOf }: Resource,
): ServerRow | Error | undefined {
  if (json === undefined) return undefined;
  try {
    const told: unknown = idOf(json);
    if (told === undefined || told === null) return undefined;
    // A number beyond that has lost digits on its way through JSON: it would name another row.
    const id = typeof told === 'number' && Number.isSafeInteger(told) ? String(told) : told;
    checkId(collection, id);
    const row: unknown = fromBody(json);
    if (!isObject(row)) throw new TypeError('fromBody must return a row.');
    const version: unknown = versionOf(json, response.headers);
    const isTag = entityTag(version) !== undefined;
    const at = readTime(timeOf(json, response.headers));
    return {
      collection,
      id,
      row,
      version: isTag ? (version as Version) : undefined,
      ...(at !== undefined && { at }),
    };
  } catch (cause) {
    return cause instanceof Error ? cause : new Error('Reading the row failed.', { cause });
  }
}

/** Of a time that was rounded down, the latest that it can have been: nobody's later write is taken for an earlier one. */
function readTime(time: unknown): number | undefined {
  const at = typeof time === 'string' ? Date.parse(time) + (/\.\d/.test(time) ? 0 : 999) : time;
  return typeof at === 'number' && Number.isFinite(at) ? at : undefined;
}

function idInLocation(response: Response): string | undefined {
  const location = response.headers.get('location');
  if (location === null) return undefined;
  try {
    const { pathname } = new URL(location, 'http://holdfast.invalid');
    return decodeURIComponent(/([^/]+)\/*$/.exec(pathname)?.[1] ?? '') || undefined;
  } catch {
    return undefined;
  }
}

/** The row that stands in the way, where a 409 or 412 shows it: in the server's own form, or in the protocol's. */
function currentRows({ response, json }: Received, op: RowOp, resource: Resource): ServerRow[] {
  if ((response.status !== 409 && response.status !== 412) || !isObject(json)) return [];
  const { current } = json;
  const row = readEntity(current) ?? serverRow({ response, json: current }, op, resource);
  return row === undefined || row instanceof Error || row.id !== op.id || row.collection !== op.collection
    ? []
    : [row];
}
