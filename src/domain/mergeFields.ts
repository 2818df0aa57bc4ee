import { sameValue } from './changes.js';
import type { ConflictRow } from './conflict.js';
import { sendRow, withFields, type RowVerdict } from './conflictOutcome.js';
import type { FieldResolver, MergeFieldsOptions, NamedStrategy } from './conflictStrategy.js';
import { winner, type Dispute } from './dispute.js';
import { describe, SyncError } from './errors.js';
import { mergeLists, own, type ListById } from './listById.js';
import { editsOf, meeting, type Edit } from './meeting.js';
import { toCloneable } from './serialize.js';

type Options = MergeFieldsOptions<Record<string, unknown>>;

/**
 * Each field for itself; undefined where there are none to merge, because one side has no row or mine replaces it.
 *
 * | the field is      | it becomes                                                       |
 * | ----------------- | ---------------------------------------------------------------- |
 * | there             | as it is                                                         |
 * | free              | mine                                                             |
 * | contested:        |                                                                  |
 * | – `clientWins`    | mine                                                             |
 * | – `serverWins`    | theirs                                                           |
 * | – `lastWriteWins` | mine or theirs, as the rows' times say                           |
 * | – `ask`           | the whole mutation asks                                          |
 * | – a function      | what it returns, undefined removes it; a failure or promise asks |
 * | – `listById()`    | both lists; what is contested in them, and what is no such list, |
 * |                   | as `otherwise` says                                              |
 *
 * Where nothing differs from theirs then, mine is there, if no field of it was given up, else dropped.
 */
export function mergeFieldsOf(row: ConflictRow, options: Options, dispute: Dispute): RowVerdict | undefined {
  const [change] = row.changes;
  const theirs = row.theirs?.row;
  if (change === undefined || change.kind === 'delete' || theirs === undefined) return undefined;
  const values = new Map<string, unknown>();
  let lost = false;
  for (const edit of editsOf(change)) {
    const there = own(theirs, edit.field);
    const met = meeting(edit, there);
    if (met === 'there') continue;
    const merged = met === 'free' ? { value: edit.mine } : mergeField(row, edit, there, options, dispute);
    if ('kind' in merged) return merged;
    values.set(edit.field, merged.value);
    lost ||= merged.lost === true;
  }
  const altered = editsOf(change).some(
    ({ field, mine }) => values.has(field) && !sameValue(values.get(field), mine),
  );
  const verdict = sendRow(row, withFields(theirs, values), !altered && change.kind === 'update');
  return verdict.kind === 'there' && lost ? { kind: 'dropped' } : verdict;
}

/** `lost`: mine, or a piece of it, was given up for theirs. */
type Merged = { readonly value: unknown; readonly lost?: boolean } | Extract<RowVerdict, { kind: 'ask' }>;

function mergeField(
  row: ConflictRow,
  edit: Edit,
  theirs: unknown,
  { fields = {}, otherwise = 'lastWriteWins' }: Options,
  dispute: Dispute,
): Merged {
  const declared = Object.hasOwn(fields, edit.field) ? fields[edit.field] : undefined;
  const strategy = declared ?? otherwise;
  if (typeof strategy === 'function') return resolveField(row, edit, theirs, strategy, dispute);
  const named = typeof strategy === 'object' ? otherwise : strategy;
  const side = named === 'lastWriteWins' ? winner(row, dispute) : named;
  if (typeof strategy === 'object') return mergeList(edit, theirs, strategy, side);
  return side === 'ask' ? { kind: 'ask' } : take(edit, theirs, side);
}

function mergeList(
  edit: Edit,
  theirs: unknown,
  by: ListById,
  wins: Exclude<NamedStrategy, 'lastWriteWins'>,
): Merged {
  const merged = mergeLists(edit.base, edit.mine, theirs, by, wins === 'clientWins' ? 'mine' : 'theirs');
  if (merged?.contested === false) return { value: merged.list };
  if (wins === 'ask') return { kind: 'ask' };
  return merged === undefined
    ? take(edit, theirs, wins)
    : { value: merged.list, lost: wins === 'serverWins' };
}

const take = (edit: Edit, theirs: unknown, side: 'clientWins' | 'serverWins'): Merged =>
  side === 'clientWins' ? { value: edit.mine } : { value: theirs, lost: true };

function resolveField(
  { collection, id }: ConflictRow,
  edit: Edit,
  theirs: unknown,
  resolve: FieldResolver<unknown>,
  { encode }: Dispute,
): Merged {
  const what = `${collection} "${id}", field ${edit.field}`;
  // Copies: one that edits what it is given must not change what is stored.
  const copy = (value: unknown): unknown => toCloneable(value, what);
  const failed = (why: string, cause?: unknown): Merged => {
    const message = `${what}: its conflict resolver ${why}; the user is asked.`;
    return { kind: 'ask', error: new SyncError('RESOLVER_FAILED', message, { cause }) };
  };
  try {
    const value = resolve(copy(edit.base), copy(edit.mine), copy(theirs));
    if (!isThenable(value)) return { value: encode(value, what) };
    void Promise.resolve(value).catch(() => undefined);
    return failed('returned a promise, which only the resolver of a whole row may');
  } catch (cause) {
    return failed(`failed with ${describe(cause)}`, cause);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
