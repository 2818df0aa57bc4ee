import { applyChange, keyOf, sameValue, type Change } from './changes.js';
import type { EntityKey, Row } from './entity.js';
import type { Foldable } from './fold.js';
import type { Lane } from './mutation.js';
import type { ReadRow } from './transaction.js';

/** A mutation that is to go in one ordered batch with others. */
export interface Rider extends Foldable {
  readonly lanes: readonly Lane[];
  /** What it sends was frozen before, or it sends its variables: then nothing depends on what precedes it. */
  readonly fixed: boolean;
}

/**
 * Those of `batch` whose meaning does not depend on another of the batch (ST3). Two `n + 1` must not travel together:
 * were the first refused, the second would still say `n = 2`. Two new titles may: each says the same without the other.
 * What is left out goes next time, on the base that the answers have made; its lanes wait with it. An insert that
 * rides counts as done, because what needs it is refused with it (`after`).
 */
export function independentRiders<M extends Rider>(batch: readonly M[], base: ReadRow): readonly M[] {
  const taken = new Set<Lane>();
  const closed = new Set<Lane>();
  const inserted = new Map<EntityKey, Row>();
  const read: ReadRow = (key) => inserted.get(key) ?? base(key);
  return batch.filter((mutation) => {
    const { lanes, effect, rerun, fixed } = mutation;
    const rides =
      !lanes.some((lane) => closed.has(lane)) &&
      (fixed ||
        rerun === undefined ||
        !lanes.some((lane) => taken.has(lane)) ||
        sameEffect(effect.changes, rerun(read).changes));
    for (const lane of lanes) (rides ? taken : closed).add(lane);
    if (rides)
      for (const change of effect.changes) {
        const row = change.kind === 'insert' ? applyChange(undefined, change) : undefined;
        if (row !== undefined) inserted.set(keyOf(change), row);
      }
    return rides;
  });
}

function sameEffect(a: readonly Change[], b: readonly Change[]): boolean {
  return a.length === b.length && a.every((change, i) => sameValue(meaning(change), meaning(b[i])));
}

/** What a change sends; what it replaces does not matter. */
function meaning(change: Change | undefined): object | undefined {
  return change === undefined ? undefined : { ...change, previous: undefined };
}
