import type { Change } from '../domain/changes.js';
import type { Version } from '../domain/entity.js';
import { describe, SyncError } from '../domain/errors.js';
import { isObject } from '../domain/wire.js';

// How one collection is mapped to URLs and bodies: what the app may say, and what holds where it says nothing.

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a server answers may be of any shape
export type RestJson = any;

/** Parts of a path. Each is encoded, so that an id stays one segment whatever characters it has (LF3). */
export type RestSegments = readonly (string | number)[];

/**
 * What makes it safe to repeat a POST whose answer was lost:
 * - `idempotency-key`: the server records the key in the transaction of the effect. The POST is simply repeated.
 * - `client-ids`: the server keeps the ids that clients make. The row is looked for by its id first; if it is there,
 *   the POST was carried out. Ids must then be unique to whoever made them, as UUIDs are.
 * - `none`: the server neither records keys nor keeps ids. A POST is repeated, for a client that is offline has never
 *   sent what it tried to send, and giving up would lose every edit made offline; so where an *answer* got lost, there
 *   are two rows. {@link RestResource.findCreated} prevents that.
 *
 * PUT, PATCH and DELETE say what a row is to be, and are repeated in any case (RFC 9110 §9.2.2).
 */
export type RestSafety = 'idempotency-key' | 'client-ids' | 'none';

/** The fields of a body: those of a row, or those that an update sets, with null for what it removes. */
export type RestFields<T> = { readonly [F in keyof T]?: T[F] | null };

/** How one collection is mapped to the server's resource. Each part has a default. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- invariant in its row, as Collection is
export interface RestResource<T extends object = any> {
  /**
   * The path of all rows, to which an encoded id is appended; or a function to the segments of a row's path, and of
   * the path where rows are created when `id` is undefined. It gets the row as the server has it, as far as known.
   * @default '/' and the collection's name
   */
  readonly path?: string | ((id: string | undefined, row: Partial<T>) => RestSegments);
  /** `PUT` creates under the client's id, with `If-None-Match: *`; `POST` leaves the name to the server. @default 'POST' */
  readonly create?: 'POST' | 'PUT';
  /** `PATCH` sends what changed, `PUT` the whole row. @default 'PATCH' */
  readonly update?: 'PATCH' | 'PUT';
  /**
   * The content type of bodies. A PATCH of `application/merge-patch+json` (RFC 7396) sends of nested objects what
   * changed; there null is removal, so that a field set to null and a removed one are the same to the server. A PATCH
   * of any other type sends changed fields as a whole, and null for removed ones. Where the difference between null
   * and absent matters, take `update: 'PUT'`. Saying it turns off the check that a PATCH was not silently ignored.
   * @default 'application/merge-patch+json' for PATCH, 'application/json' for the others
   */
  readonly contentType?: string;
  /** Fields as the server wants them. @default as they are */
  readonly toBody?: (fields: RestFields<T>, change: Change) => RestJson;
  /** A row from the server's JSON. @default the JSON itself, a numeric `id` as a string */
  readonly fromBody?: (json: RestJson) => T;
  /** The id in the server's JSON; undefined when it is not about a row. @default the field `id` */
  readonly idOf?: (json: RestJson) => string | number | undefined;
  /**
   * A row's version, for `If-Match`: visible ASCII without quotes, or an entity tag; anything else counts as none.
   * Numbers order, anything else only differs.
   * @default a strong `ETag`; a weak one guards no write (RFC 9110 §13.1.1)
   */
  readonly versionOf?: (json: RestJson, headers: Headers) => Version | undefined;
  /**
   * When a row was last written, by the server's clock: milliseconds since the epoch, or a date as text. Text without a
   * fraction of a second is a whole second, and counts as its end. `lastWriteWins` compares it.
   * @default the header `Last-Modified` (RFC 9110 §8.8.2)
   * @example
   * timeOf: (json) => json.updatedAt
   */
  readonly timeOf?: (json: RestJson, headers: Headers) => string | number | null | undefined;
  /** @default the transport's */
  readonly safety?: RestSafety;
  /**
   * Finds the row that an earlier POST of `sent` created, before it is sent again, and returns the server's JSON of
   * it. `get` resolves to undefined on 404. Not asked with `safety: 'idempotency-key'`.
   * @example
   * findCreated: async (sent, get) => (await get(['todos'], { clientRef: sent.clientRef }))?.[0]
   */
  readonly findCreated?: (sent: RestJson, get: RestGet) => Promise<RestJson>;
}

export type RestGet = (path: RestSegments, query?: Readonly<Record<string, string>>) => Promise<RestJson>;

/** A resource with its defaults. */
export interface Resource extends Required<Omit<RestResource, 'path' | 'contentType' | 'findCreated'>> {
  /** Encoded, from the base URL on. */
  readonly path: (id: string | undefined, row: object) => string;
  readonly contentType: string | undefined;
  readonly findCreated: RestResource['findCreated'];
}

export const SAFETIES: readonly RestSafety[] = ['idempotency-key', 'client-ids', 'none'];

export function resourceOf(collection: string, options: RestResource, safety: RestSafety): Resource {
  const { path = encodePath([collection], collection), ...own } = options;
  const bad = (what: string, value: unknown): never => {
    throw new SyncError(
      'INVALID_OPTIONS',
      `restTransport: ${what} of "${collection}", received ${describe(value)}.`,
    );
  };
  const oneOf = <V>(name: string, value: V, values: readonly V[]): V =>
    values.includes(value) ? value : bad(`${name} must be one of ${values.join(', ')}`, value);
  for (const name of ['toBody', 'fromBody', 'idOf', 'versionOf', 'timeOf', 'findCreated'] as const)
    if (own[name] !== undefined && typeof own[name] !== 'function')
      bad(`${name} must be a function`, own[name]);
  if (typeof path !== 'function' && (typeof path !== 'string' || !/^[^?#]+$/.test(path)))
    bad('path must be a path without a query, or a function to its segments', path);
  return {
    path: typeof path === 'function' ? segmentsOf(path, collection) : below(path, collection),
    create: oneOf('create', own.create ?? 'POST', ['POST', 'PUT']),
    update: oneOf('update', own.update ?? 'PATCH', ['PATCH', 'PUT']),
    contentType: own.contentType,
    toBody: own.toBody ?? ((fields) => fields),
    fromBody: own.fromBody ?? withTextId,
    idOf: own.idOf ?? ((json) => (isObject(json) ? (json['id'] as string | number | undefined) : undefined)),
    versionOf: own.versionOf ?? ((_, headers) => strongTag(headers)),
    timeOf: own.timeOf ?? ((_, headers) => headers.get('last-modified')),
    safety: oneOf('safety', own.safety ?? safety, SAFETIES),
    findCreated: own.findCreated,
  };
}

function below(path: string, collection: string): Resource['path'] {
  const root = `/${path}`.replace(/^\/+/, '/').replace(/\/+$/, '');
  return (id) => (id === undefined ? root : root + encodePath([id], collection));
}

function segmentsOf(
  path: Exclude<RestResource['path'], string | undefined>,
  collection: string,
): Resource['path'] {
  return (id, row) => {
    const segments: unknown = path(id, row);
    if (Array.isArray(segments)) return encodePath(segments, collection);
    throw new SyncError(
      'INVALID_OPTIONS',
      `restTransport: path of "${collection}" must return segments, e.g. ['todos', id]; it returned ${describe(segments)}.`,
    );
  };
}

/** `/a%20b/c`. Throws `INVALID_ID` for what no segment can be. */
export function encodePath(segments: readonly unknown[], what: string): string {
  return segments.map((segment) => `/${encodeSegment(segment, what)}`).join('');
}

function encodeSegment(segment: unknown, what: string): string {
  const text = typeof segment === 'string' || typeof segment === 'number' ? String(segment) : '';
  // URLs take "." and ".." for steps even when their dots are encoded, and a half surrogate pair has no encoding.
  if (text !== '' && text !== '.' && text !== '..' && !/\p{Surrogate}/u.test(text))
    return encodeURIComponent(text);
  throw new SyncError('INVALID_ID', `${what}: ${describe(segment)} cannot be a segment of a URL.`);
}

function withTextId(json: RestJson): object {
  return isObject(json) && typeof json['id'] === 'number'
    ? { ...json, id: String(json['id']) }
    : (json as object);
}

function strongTag(headers: Headers): string | undefined {
  const tag = headers.get('etag') ?? '';
  return tag.startsWith('"') ? tag : undefined;
}

/** A version as an entity tag (RFC 9110 §8.8.3); undefined when it cannot be one. */
export function entityTag(version: unknown): string | undefined {
  if (typeof version !== 'number' && typeof version !== 'string') return undefined;
  const opaque = String(version).replace(/^"(.*)"$/, '$1');
  return /^[\x20\x21\x23-\x7e]+$/.test(opaque) ? `"${opaque}"` : undefined;
}
