import type { Rider } from '../domain/riders.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Group } from './seal.js';

/** What is to go as one, as one rider of its batch. What built-in mutations merge to means the same on any base. */
export function riderOf(group: Group): Rider & { readonly group: Group } {
  const [first, ...others] = group.members as [PendingMutation, ...PendingMutation[]];
  if (others.length === 0)
    return { group, lanes: first.lanes, effect: first.effect, rerun: first.rerun, fixed: first.fixed };
  const changes = group.members.flatMap((m) => m.effect.changes);
  return {
    group,
    lanes: first.lanes,
    effect: { changes, touched: first.effect.touched },
    rerun: first.rerun,
    fixed: first.fixed,
  };
}
