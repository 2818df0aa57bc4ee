import type { Change } from '../domain/changes.js';
import type { Rider } from '../domain/riders.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Group } from './seal.js';

/** What is to go as one, as one rider of its batch. What built-in mutations merge to means the same on any base. */
export function riderOf(group: Group): Rider & { readonly group: Group } {
  const [first] = group.members as [PendingMutation, ...PendingMutation[]];
  const { lanes, rerun, definition, phase } = first;
  const { touched } = first.effect;
  return {
    group,
    lanes,
    effect: { changes: phase.kind === 'sealed' ? phase.sealed.changes : changesOf(group), touched },
    rerun,
    sealed: phase.kind === 'sealed',
    command: definition?.command === true,
    holds: definition?.onRejected === 'hold',
  };
}

function changesOf({ members, content }: Group): readonly Change[] {
  return content?.kind === 'changes' ? content.changes : members.flatMap((m) => m.effect.changes);
}
