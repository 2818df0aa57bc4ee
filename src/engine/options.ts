import { RETRY_DEFAULTS, type RetryOptions } from '../domain/backoff.js';
import { BREAKER_DEFAULTS, type BreakerOptions } from '../domain/breaker.js';
import type { AnyCollection } from '../domain/collection.js';
import type { AnyDefinition } from '../domain/definition.js';
import { describe, SyncError } from '../domain/errors.js';
import type {
  ChangeSource,
  Clock,
  Connectivity,
  Lease,
  Logger,
  Platform,
  Random,
  SyncStorage,
  TabChannel,
  Transport,
} from './ports.js';

export interface SyncClientOptions {
  /** The app's name: with `user`, the namespace of everything stored. Letters, digits, `_`, `-`, `.`; at most 128. */
  readonly name: string;
  /** One user's outbox is never sent under another's session (LF1). */
  readonly user?: string;
  readonly collections: readonly AnyCollection[];
  /** Every named mutation the app uses, also those that only an earlier session used. */
  readonly mutations?: readonly AnyDefinition[];
  /** Sends mutations without a `mutationFn` of their own, and reads changes. */
  readonly transport?: Transport;
  readonly storage?: SyncStorage;
  /** Says when there is news; without it the client polls. */
  readonly realtime?: ChangeSource;
  readonly connectivity?: Connectivity;
  readonly lease?: Lease;
  readonly tabs?: TabChannel;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Makes tokens. @default UUIDv7 (RFC 9562) */
  readonly createId?: () => string;
  readonly logger?: Logger;
  readonly retry?: Partial<RetryOptions>;
  /** When a server that keeps failing is left alone (RT4). */
  readonly breaker?: Partial<BreakerOptions>;
  /** How many mutations are sent by their own functions at a time, and how many requests by an unordered transport. @default 4 */
  readonly concurrency?: number;
  /** Milliseconds after which a request without an answer has an unknown outcome. @default 30_000 */
  readonly timeoutMs?: number;
  /** Milliseconds that a conflict resolver has to answer, before the user is asked. @default 30_000 */
  readonly resolverTimeoutMs?: number;
  /** Milliseconds between pulls when nothing else asks for one. @default 30_000 */
  readonly pollMs?: number;
}

export interface CheckedOptions {
  readonly namespace: string;
  readonly collections: ReadonlyMap<string, AnyCollection>;
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly retry: RetryOptions;
  readonly breaker: BreakerOptions;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly resolverTimeoutMs: number;
  readonly pollMs: number;
}

const NAME = /^[\w.-]{1,128}$/;

/** Checks options at the door, and says what was received. */
export function checkOptions(options: SyncClientOptions): CheckedOptions {
  const bad = (what: string, value: unknown): never => {
    throw new SyncError('INVALID_OPTIONS', `createSyncClient: ${what}, received ${describe(value)}.`);
  };
  const positive = (name: string, value: number): number =>
    Number.isFinite(value) && value > 0 ? value : bad(`${name} must be a positive number`, value);
  if (typeof options !== 'object' || (options as unknown) === null) bad('options must be an object', options);
  const {
    name,
    user,
    concurrency = 4,
    timeoutMs = 30_000,
    pollMs = 30_000,
    resolverTimeoutMs = 30_000,
  } = options;
  if (typeof name !== 'string' || !NAME.test(name))
    bad('name must be 1 to 128 letters, digits, "_", "-" or "."', name);
  if (user !== undefined && (typeof user !== 'string' || user === '' || /\p{Surrogate}/u.test(user)))
    bad('user must be a non-empty string of whole characters', user);
  if (!Array.isArray(options.collections))
    bad('collections must be an array of collections', options.collections);
  const mutations: readonly AnyDefinition[] = options.mutations ?? [];
  if (!Array.isArray(mutations)) bad('mutations must be an array of mutations', mutations);
  const port = (name: 'transport' | 'storage', value: object | undefined, method: string): void => {
    const found = value === undefined || (value as Record<string, unknown> | null)?.[method];
    if (found !== true && typeof found !== 'function') bad(`${name} must be a ${name}`, value);
  };
  port('transport', options.transport, 'push');
  port('storage', options.storage, 'write');
  const retry = { ...RETRY_DEFAULTS, ...options.retry };
  positive('retry.baseMs', retry.baseMs);
  positive('retry.capMs', retry.capMs);
  if (!(retry.spreadMs >= 0)) bad('retry.spreadMs must be a number from 0', retry.spreadMs);
  if (!(retry.maxAttempts >= 1)) bad('retry.maxAttempts must be a number from 1', retry.maxAttempts);
  const breaker = { ...BREAKER_DEFAULTS, ...options.breaker };
  for (const [name, value] of Object.entries(breaker)) positive(`breaker.${name}`, value);
  return {
    namespace: user === undefined ? name : `${name}:${encodeURIComponent(user)}`,
    collections: byName(options.collections, 'collection'),
    definitions: byName<AnyDefinition>(mutations, 'mutation'),
    retry,
    breaker,
    concurrency: positive('concurrency', concurrency),
    timeoutMs: positive('timeoutMs', timeoutMs),
    resolverTimeoutMs: positive('resolverTimeoutMs', resolverTimeoutMs),
    pollMs: positive('pollMs', pollMs),
  };
}

function byName<T extends { readonly name: string }>(
  list: readonly T[],
  what: string,
): ReadonlyMap<string, T> {
  const map = new Map<string, T>();
  for (const item of list) {
    if (typeof (item as Partial<T> | undefined)?.name !== 'string')
      throw new SyncError(
        'INVALID_OPTIONS',
        `createSyncClient: a ${what} must come from define${what === 'mutation' ? 'Mutation' : 'Collection'}, received ${describe(item)}.`,
      );
    if (map.has(item.name) && map.get(item.name) !== item)
      throw new SyncError(
        'INVALID_OPTIONS',
        `createSyncClient: two ${what}s are called "${item.name}"; names are stored, so each needs its own.`,
      );
    map.set(item.name, item);
  }
  return map;
}

/** The parts of the platform that the app brings itself. */
export function pickDefined({
  clock,
  random,
  createId,
  logger,
}: SyncClientOptions): Partial<Pick<Platform, 'clock' | 'random' | 'createId' | 'logger'>> {
  return {
    ...(clock && { clock }),
    ...(random && { random }),
    ...(createId && { createId }),
    ...(logger && { logger }),
  };
}
