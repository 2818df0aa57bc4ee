import type { Rider } from '../domain/riders.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Group } from './seal.js';

/**
 * What is to go as one, as one rider of its batch. What built-in mutations merge to means the same on any base, and
 * nothing rides behind a merge: only one that is run again is asked for all its changes.
 */
export function riderOf(group: Group): Rider & { readonly group: Group } {
  const [first] = group.members as [PendingMutation, ...PendingMutation[]];
  const { lanes, rerun, fixed, definition, phase } = first;
  const { touched } = first.effect;
  const effect = (): Rider['effect'] => {
    if (phase.kind === 'sealed') return { changes: phase.sealed.changes, touched };
    return rerun === undefined || group.members.length === 1
      ? first.effect
      : { changes: group.members.flatMap((m) => m.effect.changes), touched };
  };
  return {
    group,
    lanes,
    effect: effect(),
    rerun,
    fixed,
    command: definition?.command === true,
    holds: definition?.onRejected === 'hold',
  };
}
