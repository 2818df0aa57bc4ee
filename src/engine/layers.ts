import { applyChange, sameValue } from '../domain/changes.js';
import { splitKey, type BaseRow, type EntityKey, type EntityRef, type Row } from '../domain/entity.js';
import { connected, fold } from '../domain/fold.js';
import { byOrder } from '../domain/lanes.js';
import type { Effect, ReadRow } from '../domain/transaction.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Table } from './table.js';

/** Hears that a row is shown otherwise. */
export type Shown = (of: EntityRef, former: Row | undefined, next: Row | undefined, table: Table) => void;

/** What is shown: base rows, and over them the pending mutations in order (ST2). Tells nobody. */
export interface Layers {
  readonly read: ReadRow;
  readonly baseOf: (of: EntityRef) => BaseRow | undefined;
  /** The undecided mutations that read or write an entity, in order. */
  readonly pendingOn: (key: EntityKey) => readonly PendingMutation[];
  /** Puts a mutation whose `effect` was computed on the present view on top of it. Costs what it touches (ST7). */
  readonly lay: (mutation: PendingMutation, shown: Shown) => void;
  /** The same with one that was called on another view: it is run again on this one (ST3). */
  readonly cover: (mutation: PendingMutation, shown: Shown) => void;
  /**
   * Folds what is connected to `from` anew, with `added` and without `dropped`.
   * @param before how rows were shown; gets those that were not in it yet
   */
  readonly refold: (
    from: ReadonlySet<EntityKey>,
    added: readonly PendingMutation[],
    dropped: ReadonlySet<PendingMutation>,
    before: Map<EntityKey, Row | undefined>,
  ) => void;
}

export function createLayers(tables: ReadonlyMap<string, Table>): Layers {
  const at = (key: EntityKey): { readonly table: Table | undefined; readonly id: string } => {
    const { collection, id } = splitKey(key);
    return { table: tables.get(collection), id };
  };
  const read: ReadRow = ({ collection, id }) => tables.get(collection)?.read(id);
  const readAt = (key: EntityKey): Row | undefined => read(splitKey(key));
  const baseOf = ({ collection, id }: EntityRef): BaseRow | undefined => tables.get(collection)?.base.get(id);
  const pendingOn = (key: EntityKey): readonly PendingMutation[] => {
    const { table, id } = at(key);
    return table?.overlay.get(id)?.pending ?? [];
  };

  /** The same as folding anew where nothing later is pending. */
  function put(mutation: PendingMutation, { changes }: Effect, shown: Shown): void {
    // It is pending on what it only read, too. Mostly there is nothing such, and no key to take apart.
    const isOne = changes.length === 1 && mutation.effect.touched.length === 1;
    if (!isOne) link(mutation);
    for (const change of changes) {
      const table = tables.get(change.collection);
      const over = isOne ? table?.addPending(change.id, mutation) : table?.overlay.get(change.id);
      if (table === undefined || over === undefined) continue;
      const former = over.view;
      over.view = applyChange(former, change);
      shown(change, former, over.view, table);
    }
  }

  function link(mutation: PendingMutation): void {
    for (const key of mutation.effect.touched) {
      const { table, id } = at(key);
      table?.addPending(id, mutation);
    }
  }

  /** Shows the base where all that is pending on a row leaves and was on no other: there is nothing to fold. */
  function uncover(key: EntityKey, dropped: ReadonlySet<PendingMutation>): boolean {
    const { table, id } = at(key);
    const pending = table?.overlay.get(id)?.pending;
    const isAll = pending?.every((m) => dropped.has(m) && m.effect.touched.length === 1) === true;
    if (isAll) table?.overlay.delete(id);
    return isAll;
  }

  // A re-run may touch entities it did not touch before; then their neighbours belong to the fold too, and it is done
  // again. It ends because the set of keys only grows.
  function refold(
    from: ReadonlySet<EntityKey>,
    added: readonly PendingMutation[],
    dropped: ReadonlySet<PendingMutation>,
    before: Map<EntityKey, Row | undefined>,
  ): void {
    for (const mutation of added) link(mutation);
    let keys: ReadonlySet<EntityKey> = new Set([...from].filter((key) => !uncover(key, dropped)));
    for (;;) {
      const part = connected(keys, pendingOn, (m) => m.effect.touched);
      const mutations = [...part.mutations].filter((m) => !dropped.has(m)).sort(byOrder);
      const { views, effects } = fold(mutations, (of) => baseOf(of)?.row);
      const wider = new Set(part.keys);
      for (const effect of effects.values()) for (const key of effect.touched) wider.add(key);
      if (
        wider.size > part.keys.size &&
        [...wider].some((key) => !part.keys.has(key) && pendingOn(key).length > 0)
      ) {
        keys = wider;
        continue;
      }
      for (const key of wider) {
        if (!before.has(key)) before.set(key, readAt(key));
        const { table, id } = at(key);
        table?.overlay.delete(id);
      }
      for (const mutation of mutations) {
        const effect = effects.get(mutation);
        if (effect !== undefined) mutation.effect = standing(mutation, effect);
        link(mutation);
      }
      for (const key of wider) {
        const { table, id } = at(key);
        if (table === undefined || !table.overlay.has(id)) continue;
        const next = views.has(key) ? views.get(key) : table.base.get(id)?.row;
        const old = before.get(key);
        table.show(id, sameValue(old, next) ? old : next);
      }
      return;
    }
  }

  return {
    read,
    baseOf,
    pendingOn,
    lay: (mutation, shown) => put(mutation, mutation.effect, shown),
    cover(mutation, shown) {
      const effect = mutation.rerun?.(read);
      if (effect !== undefined) mutation.effect = standing(mutation, effect);
      put(mutation, effect ?? mutation.effect, shown);
    },
    refold,
  };
}

/** A mutation that has no effect on this base keeps its last one: it is what will be sent. */
function standing(mutation: PendingMutation, effect: Effect): Effect {
  return effect.changes.length > 0 ? effect : { changes: mutation.effect.changes, touched: effect.touched };
}
