import type { Change } from './changes.js';
import { createNetChange } from './coalesce.js';
import { isBuiltIn, type AnyDefinition } from './definition.js';
import type { EntityKey } from './entity.js';
import { describe, SyncError } from './errors.js';
import { touchedKeys, type Lane, type Token } from './mutation.js';
import { toCloneable } from './serialize.js';

/** Bounds what one refusal splits, and what one request carries. */
export const MAX_MEMBERS = 1_000;

/** What merging needs to know of a mutation. */
export interface Mergeable {
  readonly token: Token;
  readonly name: string;
  readonly lanes: readonly Lane[];
  readonly changes: readonly Change[];
  readonly variables: unknown;
  /** How its definition merges two of its kind; absent for built-in mutations (CO4). */
  readonly coalesce: AnyDefinition['coalesce'];
  /** It goes by itself: it is sealed, or what it was merged with was refused (CO6). */
  readonly apart: boolean;
}

/** What a merge sends. */
export type MergeContent =
  /** Its only member, as it is. */
  | { readonly kind: 'single' }
  /** Of built-in mutations. */
  | { readonly kind: 'changes'; readonly changes: readonly Change[] }
  /** Of named ones. */
  | { readonly kind: 'variables'; readonly variables: unknown }
  /** Nothing: its members are done. */
  | { readonly kind: 'annulled' };

/** Mutations that follow one another in their lanes and go out as one (CO2). */
export interface Merge<M> {
  readonly members: readonly M[];
  /** Takes in the mutation that follows the last member in all its lanes; false leaves all as it was. */
  join(next: M): boolean;
  readonly content: MergeContent;
}

/**
 * A merge of `first`, to grow. Who joins (CO3, CO4):
 *
 * | first    | joined by       | when both have                                                                    |
 * | -------- | --------------- | --------------------------------------------------------------------------------- |
 * | built-in | built-in        | equal lanes, changes of one entity, and these merge: see `coalesce`               |
 * | named    | the same name   | equal lanes, changes of one entity or none, and `coalesce` gives variables for it |
 *
 * One that goes apart neither joins nor is joined. An annulled merge is closed, so that it can settle at once.
 * @param failed is told of a `coalesce` that broke its contract; its mutations go one by one, and none is lost
 */
export function createMerge<M extends Mergeable>(first: M, failed: (error: SyncError) => void): Merge<M> {
  const members: M[] = [first];
  // Made at the first join: most mutations go by themselves, and there are thousands.
  let merging: Merging | undefined;
  let content: MergeContent | undefined = SINGLE;
  return {
    members,
    join(next) {
      if (next.apart || members.length >= MAX_MEMBERS) return false;
      if (!sameLanes(first.lanes, next.lanes)) return false;
      if (merging === undefined && first.apart) return false;
      merging ??= isBuiltIn(first.name) ? mergeBuiltIns(first) : mergeNamed(first, failed);
      if (!merging.join(next)) return false;
      content = undefined;
      members.push(next);
      return true;
    },
    get content() {
      return (content ??= merging?.content ?? SINGLE);
    },
  };
}

const SINGLE: MergeContent = { kind: 'single' };
const ANNULLED: MergeContent = { kind: 'annulled' };

interface Merging {
  join(next: Mergeable): boolean;
  readonly content: MergeContent;
}

function mergeBuiltIns(first: Mergeable): Merging {
  const [entity] = first.changes;
  const net = createNetChange();
  // Nothing is there, and nothing joins, where the first changed no entity or several.
  net.add(first.changes);
  return {
    join({ name, changes }) {
      if (net.isNothing || !isBuiltIn(name)) return false;
      const change = changes[0];
      return change !== undefined && entity !== undefined && isSameEntity(change, entity) && net.add(changes);
    },
    get content(): MergeContent {
      return net.isNothing ? ANNULLED : { kind: 'changes', changes: net.changes };
    },
  };
}

function mergeNamed(first: Mergeable, failed: (error: SyncError) => void): Merging {
  let touched: ReadonlySet<EntityKey> = new Set(touchedKeys(first.changes));
  let content: MergeContent = { kind: 'variables', variables: first.variables };
  return {
    join({ name, coalesce, changes, variables }) {
      if (content.kind !== 'variables' || name !== first.name) return false;
      // Not of one definition: one of them is parked (OB8).
      if (coalesce === undefined || coalesce !== first.coalesce) return false;
      const together = new Set([...touched, ...touchedKeys(changes)]);
      if (together.size > 1) return false;
      const merged = ask({ name, coalesce, older: content.variables, newer: variables });
      if (merged instanceof SyncError) failed(merged);
      if (merged === undefined || merged instanceof SyncError) return false;
      touched = together;
      content = merged;
      return true;
    },
    get content() {
      return content;
    },
  };
}

interface Question {
  readonly name: string;
  readonly coalesce: (older: unknown, newer: unknown) => unknown;
  readonly older: unknown;
  readonly newer: unknown;
}

/** What the definition makes of two variables: undefined, they do not merge; an error, it broke its contract. */
function ask({ name, coalesce, older, newer }: Question): MergeContent | SyncError | undefined {
  const broken = (what: string, cause?: unknown): SyncError =>
    new SyncError(
      'INVALID_RECIPE',
      `"${name}": its coalesce ${what}. Return the merged variables, 'annul' or undefined; its mutations go one by one.`,
      { cause },
    );
  const copy = (value: unknown): unknown => toCloneable(value, `the variables of "${name}"`);
  let answer: unknown;
  try {
    // Copies: one that edits what it is given must not change what goes out when the merge is split (CO6).
    answer = coalesce(copy(older), copy(newer));
  } catch (cause) {
    return broken(`threw ${describe(cause)}`, cause);
  }
  if (answer === undefined) return undefined;
  if (answer === 'annul') return ANNULLED;
  try {
    if (isThenable(answer)) {
      void Promise.resolve(answer).catch(() => undefined);
      return broken('returned a promise; it must be synchronous');
    }
    return { kind: 'variables', variables: copy(answer) };
  } catch (cause) {
    return broken(`returned ${describe(answer)} that cannot be stored`, cause);
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

const isSameEntity = (a: Change, b: Change): boolean => a.id === b.id && a.collection === b.collection;

function sameLanes(a: readonly Lane[], b: readonly Lane[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
