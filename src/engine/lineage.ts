import { isOwnSince } from '../domain/baseRows.js';
import { keyOf, type Change } from '../domain/changes.js';
import { conflictRows } from '../domain/conflict.js';
import type { EntityKey, Version } from '../domain/entity.js';
import { isContested } from '../domain/meeting.js';
import type { Sealed, Token } from '../domain/mutation.js';
import type { Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Along } from './seal.js';
import type { Store } from './store.js';

/** What a mutation is based on, as it is sent (CF1). */
export interface Lineage {
  /** The version of each change's row; undefined where the server has told none. */
  readonly versions: readonly (Version | undefined)[];
  /** Under what the undecided ones before it on its rows were sent: what they make of the versions is as good. */
  readonly follows: readonly Token[];
}

/** A longer queue on one row is not told in full: what is left out costs a needless conflict at worst. */
const MOST_FOLLOWED = 20;

/**
 * | the row                                                       | goes as based on            |
 * | ------------------------------------------------------------- | --------------------------- |
 * | waits for the answer to one before it                         | what that one was based on  |
 * | another has since written over what a built-in one changes    | what it was made on, so     |
 * |                                                               | that the server refuses it  |
 * | anything else                                                 | the present base            |
 */
export function lineageOf(
  changes: readonly Change[],
  first: PendingMutation,
  along: Along,
  { ledger, store }: { readonly ledger: Ledger; readonly store: Store },
): Lineage {
  const follows: Token[] = [];
  const versionOf = (key: EntityKey): Version | undefined => {
    const base = store.base(key);
    const all = store.pendingOn(key);
    /** In order. */
    const tokens: Token[] = [];
    let last: Sealed | undefined;
    for (let i = all.indexOf(first) - 1; i >= 0 && !(last && tokens.length === MOST_FOLLOWED); i--) {
      const sealed = sealedAs(all[i] as PendingMutation, along);
      if (sealed === undefined) continue;
      if (tokens.length < MOST_FOLLOWED && !tokens.includes(sealed.token)) tokens.unshift(sealed.token);
      if (last === undefined && sealed.changes.some((change) => keyOf(change) === key)) last = sealed;
    }
    follows.push(...tokens);
    if (last !== undefined) return versionIn(last, key);
    const madeOn = versionIn(first.record, key);
    if (isOwnSince(madeOn, base) || base === undefined) return base?.version;
    const own = changes.filter((change) => keyOf(change) === key);
    const shown = own.slice(0, 1).map(({ collection, id }) => ({ collection, id, ...base }));
    return isContested(conflictRows({ changes: own }, store.base, shown)) ? madeOn : base.version;
  };
  const keys = [...new Set(changes.map(keyOf))];
  const known = new Map(keys.map((key) => [key, versionOf(key)]));
  const arrived = [...ledger.deadLetters.values()].flatMap(({ sealed }) =>
    sealed?.changes.some((change) => keys.includes(keyOf(change))) ? sealed.token : [],
  );
  return {
    versions: changes.map((change) => known.get(keyOf(change))),
    follows: [...new Set([...arrived, ...follows])].slice(-MOST_FOLLOWED),
  };
}

const versionIn = (
  of: { readonly changes: readonly Change[]; readonly versions?: Lineage['versions'] | undefined },
  key: EntityKey,
): Version | undefined => of.versions?.[of.changes.findIndex((change) => keyOf(change) === key)];

/**
 * What it travels as, or was sent as: what it was merged into, or itself; none, if it was merged to nothing. The server
 * never saw what went by a function of its own.
 */
export function sealedAs(mutation: PendingMutation, along: Along): Sealed | undefined {
  if (mutation.definition?.mutationFn !== undefined) return undefined;
  const frozen = along();
  if (frozen.has(mutation)) return frozen.get(mutation);
  return mutation.phase.kind === 'sealed' ? mutation.phase.sealed : undefined;
}
