import type { ReactNode } from 'react';
import type { EntityStatus } from '../../src/index.js';
import { Icon, type IconName } from './Icon.js';

const MARKS: Record<EntityStatus, { readonly icon: IconName; readonly text: string }> = {
  synced: { icon: 'check', text: 'Synced' },
  pending: { icon: 'clock', text: 'Pending' },
  sending: { icon: 'up', text: 'Sending' },
  held: { icon: 'hourglass', text: 'Held' },
  failed: { icon: 'stop', text: 'Refused' },
};

/** How far one row is, as a shape and a word. */
export function StateMark({ state }: { readonly state: EntityStatus }): ReactNode {
  const { icon, text } = MARKS[state];
  return (
    <span className="mark" data-state={state} role="img" aria-label={`Sync state: ${text.toLowerCase()}`}>
      <Icon name={icon} />
      {text}
    </span>
  );
}
