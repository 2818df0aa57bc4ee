import type { ReactNode } from 'react';
import type { EntityStatus } from '../../src/index.js';
import { Icon, type IconName } from './Icon.js';

/** `needsAttention`: refused, and still shown. */
type MarkedState = EntityStatus | 'needsAttention';

const MARKS: Record<MarkedState, { readonly icon: IconName; readonly text: string }> = {
  synced: { icon: 'check', text: 'Synced' },
  pending: { icon: 'clock', text: 'Pending' },
  sending: { icon: 'up', text: 'Sending' },
  held: { icon: 'hourglass', text: 'Held' },
  conflict: { icon: 'flag', text: 'In conflict' },
  failed: { icon: 'stop', text: 'Refused' },
  needsAttention: { icon: 'flag', text: 'Needs attention' },
};

/** How far one row is, as a shape and a word. */
export function StateMark({ state }: { readonly state: MarkedState }): ReactNode {
  const { icon, text } = MARKS[state];
  return (
    <span className="mark" data-state={state} role="img" aria-label={`Sync state: ${text.toLowerCase()}`}>
      <Icon name={icon} />
      <span>{text}</span>
    </span>
  );
}
