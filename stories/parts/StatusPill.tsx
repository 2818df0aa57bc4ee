import type { ReactNode } from 'react';
import { useSyncStatus, type SyncStatus } from '../../src/index.js';
import { Icon, type IconName } from './Icon.js';

interface Said {
  readonly icon: IconName;
  readonly text: string;
  readonly tone: 'calm' | 'busy' | 'kept' | 'alarm';
}

function say({ phase, pending, sending, held, failed, conflicts, progress }: SyncStatus): Said {
  switch (phase) {
    case 'starting':
      return { icon: 'clock', text: 'Starting', tone: 'busy' };
    case 'paused':
      return { icon: 'pause', text: 'Paused', tone: 'kept' };
    case 'needsAuth':
      return { icon: 'stop', text: 'Sign in again', tone: 'alarm' };
    case 'offline':
      return { icon: 'cut', text: pending > 0 ? `Offline, ${pending} kept` : 'Offline', tone: 'kept' };
    case 'sending':
      return { icon: 'up', text: `Sending ${sending}`, tone: 'busy' };
    case 'waiting':
      return { icon: 'hourglass', text: `Retrying ${held}`, tone: 'kept' };
    case 'pending':
      if (conflicts > 0) return toDecide(conflicts);
      return { icon: 'clock', text: `${pending} pending`, tone: 'busy' };
    case 'needsAttention':
    case 'synced':
      if (conflicts > 0) return toDecide(conflicts);
      if (failed > 0) return { icon: 'stop', text: `${failed} refused`, tone: 'alarm' };
      if (progress !== undefined) return reading(progress);
      return { icon: 'check', text: 'Synced', tone: 'calm' };
  }
}

function reading({ done = 0, total }: NonNullable<SyncStatus['progress']>): Said {
  const part = total === undefined ? '' : ` ${Math.floor((100 * done) / total)} %`;
  return { icon: 'down', text: `Reading${part}`, tone: 'busy' };
}

const toDecide = (conflicts: number): Said => ({
  icon: 'flag',
  text: `${conflicts} to decide`,
  tone: 'kept',
});

/** What a user should know about the whole device, in a word or two. */
export function StatusPill(): ReactNode {
  const { icon, text, tone } = say(useSyncStatus());
  return (
    <span className="pill" data-tone={tone}>
      <Icon name={icon} />
      {text}
    </span>
  );
}

/** For screen readers: only what lasts, so that brief states are not read out. */
export function StatusAnnouncer({ name }: { readonly name: string }): ReactNode {
  const { phase, failed, conflicts, progress } = useSyncStatus();
  const asked = conflicts > 0 ? ` ${conflicts} to decide.` : '';
  const refused = failed > 0 && conflicts === 0 ? ` ${failed} refused.` : '';
  const text =
    phase === 'offline'
      ? `${name} is offline; edits are kept.`
      : phase === 'synced'
        ? `${name} is ${progress === undefined ? 'synced' : 'reading what the server has'}.`
        : '';
  return (
    <p className="visually-hidden" role="status">
      {text + asked + refused}
    </p>
  );
}
