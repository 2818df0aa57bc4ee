import { applyChange, keyOf } from './changes.js';
import type { EntityKey, Row } from './entity.js';
import type { Effect, ReadRow } from './transaction.js';

/** A pending mutation as the view needs it. */
export interface Foldable {
  /** Its latest effect. */
  readonly effect: Effect;
  /**
   * Re-runs it on a base; absent for a built-in mutation, whose recorded fields are its meaning (ST3). Returns no
   * changes where it has no effect there; never throws.
   */
  readonly rerun: ((read: ReadRow) => Effect) | undefined;
}

export interface Folded<M> {
  /** The view of every entity that was folded. */
  readonly views: ReadonlyMap<EntityKey, Row | undefined>;
  /** What each re-run mutation does now. */
  readonly effects: ReadonlyMap<M, Effect>;
}

/**
 * view = base + pending (ST2): applies `mutations`, in order, to `base`. Removing one mutation from the list removes
 * exactly its effect; there are no inverse patches anywhere.
 */
export function fold<M extends Foldable>(mutations: Iterable<M>, base: ReadRow): Folded<M> {
  const views = new Map<EntityKey, Row | undefined>();
  const effects = new Map<M, Effect>();
  const read: ReadRow = (of) => {
    const key = keyOf(of);
    return views.has(key) ? views.get(key) : base(of);
  };
  for (const mutation of mutations) {
    const effect = mutation.rerun?.(read);
    if (effect !== undefined) effects.set(mutation, effect);
    for (const change of (effect ?? mutation.effect).changes) {
      views.set(keyOf(change), applyChange(read(change), change));
    }
  }
  return { views, effects };
}

/**
 * The pending mutations whose meaning may depend on `from`, directly or through others that touch several entities,
 * and all entities they touch. Its size does not depend on what is pending elsewhere (ST7).
 */
export function connected<M>(
  from: Iterable<EntityKey>,
  pendingOn: (key: EntityKey) => readonly M[],
  touchedBy: (mutation: M) => Iterable<EntityKey>,
): { readonly keys: ReadonlySet<EntityKey>; readonly mutations: ReadonlySet<M> } {
  const keys = new Set<EntityKey>(from);
  const mutations = new Set<M>();
  // A Set visits what is added while it is iterated: this is the work list.
  for (const key of keys) {
    for (const mutation of pendingOn(key)) {
      if (mutations.has(mutation)) continue;
      mutations.add(mutation);
      for (const other of touchedBy(mutation)) keys.add(other);
    }
  }
  return { keys, mutations };
}
