import { keyOf, type Change } from '../domain/changes.js';
import type { Row, Version } from '../domain/entity.js';
import { SyncError } from '../domain/errors.js';
import { idempotencyKey } from '../domain/mutation.js';
import { isObject } from '../domain/wire.js';
import type { OutgoingOp } from '../engine/ports.js';
import { jsonContent, patchContent, rowContent, type Content } from './restBodies.js';
import { encodePath, entityTag, type Resource, type RestJson, type RestSegments } from './restResource.js';

// From an op to the request that is frozen with it (OB5). No credential is ever in it (LF2).

export interface RestRequest {
  readonly method: string;
  /** Encoded, from the base URL on. */
  readonly path: string;
  readonly headers: Headers;
  /** The very bytes. */
  readonly body?: string;
}

type Headers = Readonly<Record<string, string>>;

/** An op on one row. `replace` is a delete and an insert under the same id. */
export interface RowOp {
  readonly kind: Change['kind'] | 'replace';
  readonly collection: string;
  readonly id: string;
  /** Where the row is read. */
  readonly item: string;
  readonly request: RestRequest;
  /** What a PATCH changes, as it was: what a server shows that ignores the type of its body. */
  readonly was?: Row;
}

/** What is frozen at sealing. An op without changes needs no request. */
export type RestOp =
  RowOp | { readonly kind: 'command'; readonly request: RestRequest } | { readonly kind: 'nothing' };

/** A request that carries out a command. */
export interface RestCommand {
  /** @default 'POST' */
  readonly method?: string;
  readonly path: RestSegments;
  /** JSON; without it the request has no body. */
  readonly body?: unknown;
}

export interface RestApi {
  readonly resource: (collection: string) => Resource;
  readonly commands: Readonly<Record<string, (args: RestJson) => RestCommand>>;
  /** False to send no key. */
  readonly idempotencyHeader: string | false;
}

/** Throws `INVALID_OPTIONS` for what no single request can say, and `INVALID_ID` for an id that no URL can. */
export function encodeRest(op: OutgoingOp, api: RestApi): string {
  return JSON.stringify(restOp(op, api));
}

/** Undefined when it is not this transport's: sealed by another one, before the app changed to this. */
export function readRest(body: string): RestOp | undefined {
  try {
    const op = JSON.parse(body) as unknown;
    const isRest = isObject(op) && (op['kind'] === 'nothing' || isObject(op['request']));
    return isRest ? (op as unknown as RestOp) : undefined;
  } catch {
    return undefined;
  }
}

function restOp(op: OutgoingOp, api: RestApi): RestOp {
  const [first, second, ...others] = op.changes;
  // Quoted, for it is a string of RFC 9651 (IETF draft Idempotency-Key).
  const key: Headers =
    api.idempotencyHeader === false ? {} : { [api.idempotencyHeader]: `"${idempotencyKey(op)}"` };
  if (op.command !== undefined) return commandOp(op.command, key, api);
  if (first === undefined) return { kind: 'nothing' };
  const to = api.resource(first.collection);
  const rest: Frozen = { to, key, version: op.versions?.[0], after: op.rows?.[0] };
  if (second === undefined) return rowOp(first, rest);
  if (
    first.kind === 'delete' &&
    second.kind === 'insert' &&
    keyOf(first) === keyOf(second) &&
    others.length === 0
  )
    return replaceOp(first, second, rest);
  throw new SyncError(
    'INVALID_OPTIONS',
    `restTransport: one request changes one row, and ${op.token} changes ${op.changes.map(keyOf).join(', ')}, all ` +
      'or nothing. Give the mutation a mutationFn, make it a command, or use httpTransport.',
  );
}

/** What goes into a request besides the change. */
interface Frozen {
  readonly to: Resource;
  readonly key: Headers;
  readonly version: Version | undefined;
  readonly after: Row | undefined;
}

function rowOp(change: Change, { to, key, version, after }: Frozen): RowOp {
  const { kind, collection, id } = change;
  const what = `${collection} "${id}"`;
  const item = to.path(id, known(change, after));
  const op = (request: RestRequest, was?: Row): RowOp => ({
    kind,
    collection,
    id,
    item,
    request,
    ...(was && { was }),
  });
  switch (change.kind) {
    case 'insert': {
      const content = rowContent(change.row, change, to, what);
      return to.create === 'PUT'
        ? op(request('PUT', item, { ...key, 'if-none-match': '*' }, content))
        : op(request('POST', to.path(undefined, change.row), key, content));
    }
    case 'update': {
      const headers = { ...key, ...guard(version, what) };
      if (to.update === 'PATCH')
        return op(
          request('PATCH', item, headers, patchContent(change, to, what)),
          to.contentType === undefined ? change.previous : undefined,
        );
      if (after !== undefined) return op(request('PUT', item, headers, rowContent(after, change, to, what)));
      throw new SyncError(
        'INVALID_OPTIONS',
        `${what}: update: 'PUT' sends the whole row, and it is not known.`,
      );
    }
    case 'delete':
      return op(request('DELETE', item, { ...key, ...guard(version, what) }));
  }
}

/** One PUT, so that nobody sees the row gone in between. */
function replaceOp(
  old: Extract<Change, { kind: 'delete' }>,
  change: Extract<Change, { kind: 'insert' }>,
  { to, key, version }: Frozen,
): RowOp {
  const { collection, id } = change;
  const what = `${collection} "${id}"`;
  const item = to.path(id, old.previous);
  const content = rowContent(change.row, change, to, what);
  return {
    kind: 'replace',
    collection,
    id,
    item,
    request: request('PUT', item, { ...key, ...guard(version, what) }, content),
  };
}

function commandOp(
  { name, args }: NonNullable<OutgoingOp['command']>,
  key: Headers,
  { commands }: RestApi,
): RestOp {
  const made = Object.hasOwn(commands, name) ? commands[name]?.(args) : undefined;
  if (made === undefined)
    throw new SyncError(
      'INVALID_OPTIONS',
      `restTransport: the command "${name}" has no request. Say which in commands, or give it a mutationFn.`,
    );
  const { method = 'POST', path, body } = made;
  const content = body === undefined ? undefined : jsonContent(body, name);
  return { kind: 'command', request: request(method, encodePath(path, name), key, content) };
}

/** The row as the server has it, as far as known: its path may be made from fields that the change is about. */
function known(change: Change, after: Row | undefined): Row {
  switch (change.kind) {
    case 'insert':
      return change.row;
    case 'update':
      return { ...after, ...change.previous };
    case 'delete':
      return change.previous;
  }
}

/** The row must be as it was when this was sealed (CF1). */
function guard(version: Version | undefined, what: string): Headers {
  if (version === undefined) return {};
  const tag = entityTag(version);
  if (tag !== undefined) return { 'if-match': tag };
  throw new SyncError(
    'INVALID_OPTIONS',
    `${what}: its version "${version}" cannot be an entity tag, so it would go unguarded. See versionOf.`,
  );
}

function request(method: string, path: string, headers: Headers, content?: Content): RestRequest {
  return content === undefined
    ? { method, path, headers }
    : { method, path, headers: { 'content-type': content.type, ...headers }, body: content.body };
}
