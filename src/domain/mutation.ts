import type { Change } from './changes.js';
import { keyOf } from './changes.js';
import type { Conflict } from './conflict.js';
import type { EntityKey, Version } from './entity.js';
import type { StoredError } from './errors.js';

/** From first to last. User actions are `normal`; `background` is for imports and telemetry (MU6). */
export const PRIORITIES = ['critical', 'high', 'normal', 'low', 'background'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** The id of a mutation: a UUIDv7. */
export type Token = string;

/** An order domain: an entity key, or `scope:` and a name. Mutations that share a lane go strictly in order (SC1). */
export type Lane = string;

/** A mutation exactly as the outbox stores it. */
export interface MutationRecord {
  readonly token: Token;
  /** Counts rebased payloads; `token.rev` is the idempotency key. */
  readonly rev: number;
  /** The definition's name; `@insert`, `@update` and `@delete` are the built-in ones. */
  readonly name: string;
  /** The definition's own version when this was written (OB8). */
  readonly schema: number;
  readonly variables: unknown;
  /** The effect when it was called: what a built-in mutation sends, and the fallback view when a definition is missing. */
  readonly changes: readonly Change[];
  readonly lanes: readonly Lane[];
  readonly priority: Priority;
  readonly dependsOn: readonly Token[];
  /** Of a built-in one: the base version of each change's row that it was made on; 0 where there was none. */
  readonly versions?: readonly (Version | undefined)[] | undefined;
  /** `changes` are what it is to do, not what its variables make of them: so a conflict was resolved (CF2). */
  readonly resolved?: true;
  /** What it was merged with was refused: it goes by itself (CO6). */
  readonly split?: true;
  /** Milliseconds since the epoch, by the device's clock: for people to read, never to order by. */
  readonly createdAt: number;
  /** Milliseconds from `createdAt` during which it is shown and not sent (MU5). */
  readonly sendAfter?: number;
  /** Why former attempts of the user to get it accepted were refused, oldest first (RT7). */
  readonly history?: readonly Refusal[];
  readonly meta?: unknown;
}

export interface Refusal {
  readonly error: StoredError;
  /** Milliseconds since the epoch. */
  readonly refusedAt: number;
}

/**
 * What was frozen when a mutation, or several merged into one (CO2), was sent first: every retry sends the same key and
 * the same bytes (OB5).
 */
export interface Sealed {
  /** A token of its own, where several were merged. */
  readonly token: Token;
  readonly rev: number;
  /** Those that were merged, in order; absent when one mutation goes by itself. */
  readonly members?: readonly Token[];
  /** What their definition merged them to; absent when one goes by itself, and for built-in mutations (CO4). */
  readonly merged?: { readonly schema: number; readonly variables: unknown };
  /** The encoded op for a transport; absent for a mutation sent by its own function. */
  readonly body?: string;
  readonly changes: readonly Change[];
  /** The base version of each change's row when it was sealed. */
  readonly versions?: readonly (Version | undefined)[];
  /** Milliseconds since the epoch of the first send. */
  readonly sealedAt: number;
  /** How many full reads were over by then: an answer may be older than the later ones (PL1). */
  readonly reads?: number;
}

/** A refused mutation kept for the user (RT7). */
export interface DeadLetter extends Refusal {
  readonly token: Token;
  readonly record: MutationRecord;
  /** Its value is still shown, and what follows it waits: its definition has `onRejected: 'hold'`. */
  readonly held?: true;
  /** Given up without an answer (RT6): it may have been carried out, so a retry sends the same key and bytes. */
  readonly sealed?: Sealed;
  /** Milliseconds from `refusedAt` for which the server wanted no further attempt of it (RT2). */
  readonly retryAfterMs?: number;
  /** The user has to decide on it (CF4): it is held until then. */
  readonly conflict?: Conflict;
}

export type Outcome =
  | { readonly kind: 'accepted'; readonly result: unknown }
  /** `unanswered`: given up without an answer (RT6). */
  | { readonly kind: 'refused'; readonly error: StoredError; readonly unanswered?: boolean }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'annulled' }
  /** Nothing tells any more what became of it. */
  | { readonly kind: 'forgotten' };

/** What became of some mutations, as the journal keeps it for the other tabs. */
export interface StoredOutcome {
  readonly tokens: readonly Token[];
  readonly outcome: Outcome;
}

export function idempotencyKey(mutation: { readonly token: Token; readonly rev: number }): string {
  return `${mutation.token}.${mutation.rev}`;
}

export function touchedKeys(changes: readonly Change[]): EntityKey[] {
  const [first, ...others] = changes;
  return first !== undefined && others.length === 0 ? [keyOf(first)] : [...new Set(changes.map(keyOf))];
}

/** The lane of a named scope. The names of collections hold no colon, so it is never an entity's. */
export function scopeLane(scope: string): Lane {
  return `scope:${scope}`;
}

/**
 * Reads a stored record, or says what is wrong with it: a record another version wrote or a damaged one is
 * quarantined by itself, not with its batch mates (OB7).
 */
export function readRecord(value: unknown): MutationRecord | { readonly unreadable: string } {
  if (!isObject(value)) return { unreadable: 'it is not an object' };
  const r = value as Partial<MutationRecord>;
  if (typeof r.token !== 'string' || r.token === '') return { unreadable: 'it has no token' };
  if (!Number.isSafeInteger(r.rev)) return { unreadable: `token ${r.token} has no rev` };
  if (typeof r.name !== 'string') return { unreadable: `token ${r.token} has no definition name` };
  if (!Array.isArray(r.changes) || !r.changes.every(isChange))
    return { unreadable: `token ${r.token} has damaged changes` };
  if (!Array.isArray(r.lanes) || !r.lanes.every((lane) => typeof lane === 'string'))
    return { unreadable: `token ${r.token} has no lanes` };
  const record = r as MutationRecord;
  return isWhole(record) ? record : completed(record);
}

const isWhole = (r: Partial<MutationRecord>): boolean =>
  r.changes?.every(hasPrevious) === true &&
  r.schema !== undefined &&
  isPriority(r.priority) &&
  Array.isArray(r.dependsOn) &&
  (r.versions === undefined || (Array.isArray(r.versions) && !r.versions.includes(null)));

/** With what an older version did not write, and what JSON cannot. */
function completed(r: Omit<MutationRecord, 'schema'> & { readonly schema?: number }): MutationRecord {
  const { changes, schema = 1, priority, dependsOn, versions, ...rest } = r;
  return {
    ...rest,
    changes: changes.every(hasPrevious) ? changes : changes.map(withPrevious),
    schema,
    priority: isPriority(priority) ? priority : 'normal',
    dependsOn: Array.isArray(dependsOn) ? dependsOn : [],
    ...(Array.isArray(versions) && {
      versions: versions.map((v: Version | null | undefined) => v ?? undefined),
    }),
  };
}

const isPriority = (value: unknown): value is Priority => PRIORITIES.includes(value as Priority);

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

export function isChange(value: unknown): boolean {
  if (!isObject(value)) return false;
  const c = value as Partial<Extract<Change, { kind: 'update' }>> & { row?: unknown };
  if (typeof c.collection !== 'string' || typeof c.id !== 'string') return false;
  switch (c.kind as Change['kind']) {
    case 'insert':
      return isObject(c.row);
    case 'update':
      return isObject(c.patch) && Array.isArray(c.unset);
    case 'delete':
      return true;
    default:
      return false;
  }
}

export const hasPrevious = (change: Change): boolean => change.kind === 'insert' || isObject(change.previous);

// What was there before is only needed to merge and to undo: a change without it still says what to do.
function withPrevious(change: Change): Change {
  return hasPrevious(change) ? change : ({ ...change, previous: {} } as Change);
}
