import { keyOf } from './changes.js';
import type { ConflictRow } from './conflict.js';
import { sendMine, sendRow, type RowVerdict } from './conflictOutcome.js';
import type { ResolverContext } from './conflictStrategy.js';
import { resolverOf, type Dispute } from './dispute.js';
import { nameOf, type EntityKey, type Row } from './entity.js';
import { describe, SyncError } from './errors.js';
import { toCloneable } from './serialize.js';
import { isObject } from './wire.js';

/** A resolver that has to be asked, by whoever can wait for it. */
export interface Question {
  readonly key: EntityKey;
  /** Calls it, with copies. May throw, and may return a promise, which may never settle. */
  readonly ask: () => unknown;
}

/** What came of it. */
export type Answer =
  | { readonly kind: 'answered'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly cause: unknown };

/** The resolvers without whose answers a dispute cannot be judged. */
export function questionsOf(dispute: Dispute): readonly Question[] {
  return dispute.rows.flatMap((row) => {
    const resolve = resolverOf(row, dispute);
    if (resolve === undefined) return [];
    const { collection, id, base, mine, theirs } = row;
    const copy = (side: Row | undefined): Row | undefined => toCloneable(side, row);
    const context: ResolverContext = {
      collection,
      id,
      mineAt: dispute.writtenAt?.at,
      theirsAt: theirs?.at,
    };
    return [
      {
        key: keyOf(row),
        ask: (): unknown => resolve(copy(base), copy(mine), copy(theirs?.row), context),
      },
    ];
  });
}

/**
 * What a resolver has said of a row:
 *
 * | answer                                  | verdict                                             |
 * | --------------------------------------- | --------------------------------------------------- |
 * | `'mine'`                                | mine on top of theirs                               |
 * | `'server'`                              | server                                              |
 * | `'ask'`                                 | ask                                                 |
 * | a row of that id                        | whatever makes the row that; as theirs is: there    |
 * | any other row, or one that cannot be    | ask, `RESOLVER_FAILED`                              |
 * | sent; anything else; thrown; no answer  |                                                     |
 */
export function readResolved(row: ConflictRow, answer: Answer | undefined, dispute: Dispute): RowVerdict {
  if (answer === undefined) return failed(row, 'has not answered');
  if (answer.kind === 'failed') return failed(row, `failed with ${describe(answer.cause)}`, answer.cause);
  const { value } = answer;
  if (value === 'mine') return sendMine(row);
  if (value === 'server') return { kind: 'server', reason: 'chosen' };
  if (value === 'ask') return { kind: 'ask' };
  if (!isObject(value)) return failed(row, `answered ${describe(value)}, which is no row`);
  try {
    const id = dispute.idOf(row.collection, value);
    if (id !== row.id) return failed(row, `answered the row ${describe(id)}`);
    return sendRow(row, dispute.encode(value, row), false);
  } catch (cause) {
    return failed(row, `answered a row that cannot be sent (${describe(cause)})`, cause);
  }
}

function failed(row: ConflictRow, what: string, cause?: unknown): RowVerdict {
  const message = `${nameOf(row)}: its conflict resolver ${what}. Return a row, 'mine', 'server' or 'ask'; the user is asked.`;
  return { kind: 'ask', error: new SyncError('RESOLVER_FAILED', message, { cause }) };
}
