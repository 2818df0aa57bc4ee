import type { AnyDefinition } from '../domain/definition.js';
import { describe, SyncError } from '../domain/errors.js';
import { PRIORITIES, type Priority, type Token } from '../domain/mutation.js';

export interface MutateOptions {
  readonly priority?: Priority;
  /** Tokens of earlier mutations that must be accepted before this one is sent (SC4). */
  readonly dependsOn?: readonly Token[];
  /** Mutations of one scope are sent in order, whatever they touch. @default the definition's */
  readonly scope?: string;
  /** Milliseconds during which it is shown and not sent, so that it can be taken back: an undo toast (MU5). @default 0 */
  readonly sendAfter?: number;
  /**
   * Your own id of this intent, instead of a new token: while a mutation with it is undecided, a second call with it is
   * the same mutation. At most 128 characters.
   */
  readonly idempotencyKey?: string;
  /** Anything that can be cloned; kept with the mutation. */
  readonly meta?: unknown;
}

interface CheckedCall {
  readonly priority: Priority;
  readonly named: readonly Token[];
  readonly scope: string | undefined;
  readonly sendAfter: number | undefined;
  readonly meta: unknown;
}

/** What a call asks for, with its definition's defaults, checked. */
export function checkCall(
  name: string,
  definition: AnyDefinition | undefined,
  variables: unknown,
  options: MutateOptions,
): CheckedCall {
  const { priority = definition?.priority ?? 'normal', sendAfter, meta } = options;
  const scope = options.scope ?? ask(name, 'scope', definition?.scope, variables);
  const named = options.dependsOn ?? ask(name, 'dependsOn', definition?.dependsOn, variables) ?? NONE;
  if (!PRIORITIES.includes(priority)) refuse(name, `priority is one of ${PRIORITIES.join(', ')}`, priority);
  if (named !== NONE && !(Array.isArray(named) && named.every((token) => typeof token === 'string')))
    refuse(name, 'dependsOn is an array of tokens', named);
  if (scope !== undefined && typeof scope !== 'string') refuse(name, 'scope is a string', scope);
  if (
    sendAfter !== undefined &&
    !(Number.isFinite(sendAfter) && sendAfter >= 0 && sendAfter <= MAX_SEND_AFTER)
  )
    refuse(name, `sendAfter is a number of milliseconds from 0 to ${MAX_SEND_AFTER}`, sendAfter);
  return { priority, named, scope, sendAfter, meta };
}

const NONE: readonly Token[] = [];

function refuse(name: string, what: string, value: unknown): never {
  throw new SyncError('INVALID_OPTIONS', `"${name}": ${what}, received ${describe(value)}.`);
}

/** A week: longer is a mistake in the unit rather than a wish. */
const MAX_SEND_AFTER = 604_800_000;

/** A definition's own function is the app's code: what it throws is named, and nothing is queued. */
function ask<R>(
  name: string,
  option: string,
  of: ((variables: unknown) => R) | undefined,
  variables: unknown,
): R | undefined {
  try {
    return of?.(variables);
  } catch (cause) {
    throw new SyncError(
      'INVALID_RECIPE',
      `"${name}": its ${option} threw ${describe(cause)}; nothing was queued.`,
      {
        cause,
      },
    );
  }
}

/** Throws when `token` is to wait for itself, by way of what waits already. */
export function checkCycle(
  token: Token,
  dependsOn: readonly Token[],
  waitsFor: (token: Token) => readonly Token[],
): void {
  const seen = new Set<Token>();
  const visit = (path: readonly Token[]): void => {
    const last = path[path.length - 1] ?? token;
    if (last === token && path.length > 1)
      throw new SyncError('INVALID_OPTIONS', `dependsOn goes round in a circle: ${path.join(' → ')}.`, {
        details: { path },
      });
    if (seen.has(last)) return;
    seen.add(last);
    for (const next of path.length === 1 ? dependsOn : waitsFor(last)) visit([...path, next]);
  };
  visit([token]);
}
