import { keyOf } from './changes.js';
import type { ConflictRow } from './conflict.js';
import { combine, sendMine, type ConflictOutcome, type RowVerdict } from './conflictOutcome.js';
import type { MergeFieldsOptions, NamedStrategy } from './conflictStrategy.js';
import { plainVerdict, winner, type Dispute } from './dispute.js';
import type { EntityKey } from './entity.js';
import { isHalf } from './meeting.js';
import { mergeFieldsOf } from './mergeFields.js';
import { readResolved, type Answer } from './resolver.js';

/**
 * What becomes of a mutation whose rows are not any more, on the server, what it was made from (CF2, CF3, RD5).
 *
 * | mine    | theirs is                                             | verdict on the row         |
 * | ------- | ----------------------------------------------------- | -------------------------- |
 * | any     | not shown; nor of any other row                       | server: `unknown`          |
 * | any     | not shown, but that of another row of the mutation is | sent again, as it was      |
 * | insert  | gone                                                  | sent again                 |
 * | insert  | there, with every field as in mine                    | there: a duplicate         |
 * | insert  | there, and lacks some of mine                         | those are set              |
 * | insert  | there, with another value for some                    | the strategy says          |
 * | update  | there, and has all that mine wanted                   | there                      |
 * | update  | there, changed only where mine is not                 | merged, and sent again     |
 * | update  | there, changed where mine is, too                     | the strategy says          |
 * | update  | gone                                                  | the strategy says          |
 * | delete  | gone                                                  | there                      |
 * | delete  | as mine had it                                        | sent again                 |
 * | delete  | changed                                               | the strategy says          |
 * | replace | gone                                                  | the new row is inserted    |
 * | replace | the new row already                                   | there                      |
 * | replace | as mine had it                                        | sent again                 |
 * | replace | changed                                               | the strategy says          |
 *
 * What the server refuses at the very version that was sent it refuses for something else: server, `unchanged`, unless
 * it is there.
 *
 * | the strategy    | says                                                                                |
 * | --------------- | ----------------------------------------------------------------------------------- |
 * | `serverWins`    | server                                                                              |
 * | `clientWins`    | mine on top of theirs; where that is gone, the whole row again, or server:          |
 * |                 | `incomplete` where it is not known as a whole                                       |
 * | `lastWriteWins` | `clientWins` if mine is certainly the later one, else `serverWins`                  |
 * | `ask`           | ask                                                                                 |
 * | `mergeFields`   | field by field; `otherwise`, where one side has no row or mine replaces it          |
 * | a resolver      | what it answered (see `readResolved`); server: `incomplete`, where mine is half a   |
 * |                 | row                                                                                 |
 *
 * @param answers what the resolvers of `questionsOf` said
 */
export function judgeConflict(
  dispute: Dispute,
  answers: ReadonlyMap<EntityKey, Answer> = new Map(),
): ConflictOutcome {
  const { rows } = dispute;
  if (rows.every((row) => row.theirs === undefined)) return { kind: 'server', reason: 'unknown' };
  return combine(
    rows,
    rows.map((row) => plainVerdict(row) ?? judgeByStrategy(row, dispute, answers.get(keyOf(row)))),
  );
}

function judgeByStrategy(row: ConflictRow, dispute: Dispute, answer: Answer | undefined): RowVerdict {
  const strategy = dispute.strategyOf(row.collection);
  if (typeof strategy === 'function')
    return isHalf(row) ? { kind: 'server', reason: 'incomplete' } : readResolved(row, answer, dispute);
  if (typeof strategy === 'string' && strategy !== 'mergeFields') return judgeByName(strategy, row, dispute);
  const options: MergeFieldsOptions<Record<string, unknown>> = typeof strategy === 'string' ? {} : strategy;
  return (
    mergeFieldsOf(row, options, dispute) ?? judgeByName(options.otherwise ?? 'lastWriteWins', row, dispute)
  );
}

function judgeByName(strategy: NamedStrategy, row: ConflictRow, dispute: Dispute): RowVerdict {
  switch (strategy) {
    case 'serverWins':
      return { kind: 'server', reason: 'chosen' };
    case 'clientWins':
      return sendMine(row);
    case 'lastWriteWins':
      return judgeByName(winner(row, dispute), row, dispute);
    case 'ask':
      return { kind: 'ask' };
  }
}
