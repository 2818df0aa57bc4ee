import { applyChange, keyOf, sameValue, type Change } from './changes.js';
import type { EntityKey, Row } from './entity.js';
import type { Foldable } from './fold.js';
import type { Lane } from './mutation.js';
import type { ReadRow } from './transaction.js';

/** A mutation that is to go in one ordered batch with others. */
export interface Rider extends Foldable {
  readonly lanes: readonly Lane[];
  /** What it sends was frozen before, and so were the versions that it is based on. */
  readonly sealed: boolean;
  /** It is sent as a command: its variables, on no version of any row. */
  readonly command: boolean;
  /** Where it is refused it is shown on, and what follows it waits (RT7). */
  readonly holds: boolean;
}

/** What goes before in a lane. */
interface Ahead {
  /** All of it was frozen before: what was frozen behind it knows of it. */
  sealed: boolean;
  /** It may be refused and stay. */
  holds: boolean;
  /**
   * Rows on which it may meet another's write, and go again after what follows it in the batch. What touches a row that
   * is inserted says so (`after`), even a command.
   */
  readonly rows: Map<EntityKey, Change['kind']>;
}

/**
 * Those of `batch` whose meaning does not depend on another of the batch (ST3), and that cannot overtake one (SC1).
 *
 * Two `n + 1` must not travel together: were the first refused, the second would still say `n = 2`. Two new titles may:
 * each says the same without the other. Nothing travels behind what may be held, for it would be carried out before that
 * is repaired; and behind an edit or a delete, which goes again when it meets another's write, only what meets it then,
 * too, even if the row is gone by the time that it arrives: what updates it, and not what inserts or deletes it. Nor does
 * what was sealed ride behind what was not: that has come before it since, by a name that the server gave or by a repair,
 * and it was made on other versions.
 *
 * What is left out goes next time, on the base that the answers have made; its lanes wait with it. An insert that
 * rides counts as done, because what needs it is refused with it (`after`).
 */
export function independentRiders<M extends Rider>(batch: readonly M[], base: ReadRow): readonly M[] {
  const ahead = new Map<Lane, Ahead>();
  const closed = new Set<Lane>();
  const inserted = new Map<EntityKey, Row>();
  const read: ReadRow = (of) => inserted.get(keyOf(of)) ?? base(of);
  return batch.filter((mutation) => {
    const { lanes, effect, rerun, sealed, command, holds } = mutation;
    const kinds = kindsOf(effect.changes);
    const meets = (key: EntityKey, first: Change['kind']): boolean => {
      const kind = kinds.get(key);
      return kind !== undefined && (first === 'insert' || (!command && kind === 'update'));
    };
    const before = lanes.flatMap((lane) => ahead.get(lane) ?? []);
    const meetsAll = before.every(
      (one) =>
        !one.holds && (one.sealed || !sealed) && [...one.rows].every(([key, kind]) => meets(key, kind)),
    );
    const rides =
      !lanes.some((lane) => closed.has(lane)) &&
      meetsAll &&
      (sealed ||
        command ||
        rerun === undefined ||
        before.length === 0 ||
        sameEffect(effect.changes, rerun(read).changes));
    if (!rides) {
      for (const lane of lanes) closed.add(lane);
      return false;
    }
    for (const lane of lanes) {
      const one = ahead.get(lane) ?? { sealed: true, holds: false, rows: new Map() };
      one.sealed &&= sealed;
      one.holds ||= holds;
      for (const change of command ? [] : effect.changes) one.rows.set(keyOf(change), change.kind);
      ahead.set(lane, one);
    }
    for (const change of effect.changes) {
      const row = change.kind === 'insert' ? applyChange(undefined, change) : undefined;
      if (row !== undefined) inserted.set(keyOf(change), row);
    }
    return true;
  });
}

/** What becomes of each row: what updates it and deletes it, deletes it. */
function kindsOf(changes: readonly Change[]): ReadonlyMap<EntityKey, Change['kind']> {
  const kinds = new Map<EntityKey, Change['kind']>();
  for (const change of changes)
    if ((kinds.get(keyOf(change)) ?? 'update') === 'update') kinds.set(keyOf(change), change.kind);
  return kinds;
}

function sameEffect(a: readonly Change[], b: readonly Change[]): boolean {
  return a.length === b.length && a.every((change, i) => sameValue(meaning(change), meaning(b[i])));
}

/** What a change sends; what it replaces does not matter. */
function meaning(change: Change | undefined): object | undefined {
  return change === undefined ? undefined : { ...change, previous: undefined };
}
