import { describe, SyncError } from './errors.js';
import type { ListById } from './listById.js';

const NAMED = ['lastWriteWins', 'serverWins', 'clientWins', 'ask'] as const;

/**
 * Who prevails where both sides have changed the same thing (CF2):
 * - `lastWriteWins`: whoever wrote last by the server's clock; unknown or equal: the server;
 * - `serverWins`: mine is refused with `CONFLICT`, and kept as a dead letter;
 * - `clientWins`: mine is sent again, on top of what the server has;
 * - `ask`: nobody; its lane waits for `resolve` (CF4).
 */
export type NamedStrategy = (typeof NAMED)[number];

/**
 * Makes one value of three; undefined stands for an absent field, null for itself. Pure and synchronous: one that
 * throws or returns a promise asks the user.
 */
export type FieldResolver<V> = (
  base: V | undefined,
  mine: V | undefined,
  theirs: V | undefined,
) => V | undefined;

export interface MergeFieldsOptions<T> {
  /** What becomes of single fields that both sides have changed to different values. */
  readonly fields?: {
    readonly [F in keyof T & string]?: NamedStrategy | ListById | FieldResolver<T[F]>;
  };
  /**
   * What becomes of the others, and of rows that one side has deleted and the other changed.
   * @default 'lastWriteWins'
   */
  readonly otherwise?: NamedStrategy;
}

export interface MergeFields<T> extends MergeFieldsOptions<T> {
  readonly strategy: 'mergeFields';
}

/**
 * The row as it should be; or who prevails.
 * @template T the row
 */
export type Resolved<T> = T | 'mine' | 'server' | 'ask';

export interface ResolverContext {
  readonly collection: string;
  readonly id: string;
  /** Milliseconds since the epoch by the server's clock, as far as that is known. */
  readonly mineAt: number | undefined;
  readonly theirsAt: number | undefined;
}

/**
 * Decides on a row. `mine` or `theirs` is undefined where that side has deleted it, `base` where there was none, and
 * `base` may lack fields that mine did not change. They are copies. One that throws, answers with anything else, or
 * takes too long asks the user (CF4).
 */
export type ConflictResolver<T> = (
  base: Partial<T> | undefined,
  mine: T | undefined,
  theirs: T | undefined,
  context: ResolverContext,
) => Resolved<T> | PromiseLike<Resolved<T>>;

/** What a collection or a definition says about conflicts (CF2). */
export type ConflictStrategy<T> = NamedStrategy | 'mergeFields' | MergeFields<T> | ConflictResolver<T>;

/** Any strategy, where the row type does not matter. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a resolver is contravariant in its row
export type AnyConflictStrategy = ConflictStrategy<any>;

/**
 * Merges field by field against the recorded base: only fields that both sides have changed to different values are
 * decided one by one.
 * @example
 * defineCollection<Todo>({ name: 'todos', key: 'id', conflict: mergeFields({ fields: { tags: listById() } }) })
 */
export function mergeFields<T>(options: MergeFieldsOptions<NoInfer<T>> = {}): MergeFields<T> {
  return { ...options, strategy: 'mergeFields' };
}

/** For the audit trail: functions have no better name. */
export function strategyName(strategy: AnyConflictStrategy): string {
  if (typeof strategy === 'function') return 'resolver';
  return typeof strategy === 'string' ? strategy : strategy.strategy;
}

/** Throws `INVALID_OPTIONS` for what is no strategy; `where` names whose it is. */
export function checkStrategy(where: string, strategy: unknown): void {
  if (strategy === undefined || strategy === 'mergeFields' || isNamed(strategy)) return;
  if (typeof strategy === 'function') return;
  const bad = (what: string, value: unknown): never => {
    throw new SyncError('INVALID_OPTIONS', `${where}: ${what}, received ${describe(value)}.`);
  };
  if (!isStrategyObject(strategy))
    return bad(
      `conflict must be ${NAMED.join(', ')}, mergeFields, mergeFields({ … }) or a function`,
      strategy,
    );
  const { fields = {}, otherwise } = strategy;
  if (otherwise !== undefined && !isNamed(otherwise))
    bad(`conflict.otherwise must be ${NAMED.join(', ')}`, otherwise);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return bad('conflict.fields must be an object of field names', fields);
  for (const [field, of] of Object.entries(fields as Record<string, unknown>))
    if (!isNamed(of) && typeof of !== 'function' && !isListById(of) && of !== undefined)
      bad(`conflict.fields.${field} must be ${NAMED.join(', ')}, listById() or a function`, of);
}

function isStrategyObject(value: unknown): value is { fields?: unknown; otherwise?: unknown } {
  return (
    typeof value === 'object' && value !== null && 'strategy' in value && value.strategy === 'mergeFields'
  );
}

function isListById(value: unknown): value is ListById {
  return typeof value === 'object' && value !== null && 'listById' in value && isText(value.listById);
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

function isNamed(value: unknown): value is NamedStrategy {
  return NAMED.includes(value as NamedStrategy);
}
