import { type ReactNode } from 'react';
import { SyncProvider, useSyncStatus } from '../../src/index.js';
import type { Device, Devices } from '../device/devices.js';
import { Icon } from './Icon.js';

const MOST_PACKETS = 6;

function Link({ side }: { readonly side: 'left' | 'right' }): ReactNode {
  const { phase, pending, sending } = useSyncStatus();
  const packets = Math.min(pending, MOST_PACKETS);
  return (
    <div className="link" data-side={side} data-phase={phase} data-moving={sending > 0} aria-hidden="true">
      <span className="packets">
        {Array.from({ length: packets }, (_, i) => (
          <i key={i} />
        ))}
        {pending > 0 && <b data-many={pending > MOST_PACKETS}>{pending}</b>}
      </span>
      <span className="centreline" />
    </div>
  );
}

function Station({ device }: { readonly device: Device }): ReactNode {
  return (
    <span className="station">
      <Icon name={device.form} />
      {device.owner}
    </span>
  );
}

export interface RunwayProps {
  readonly devices: Devices;
  /** The server does not answer. */
  readonly missing: boolean;
}

/** The way between the devices and the server: open or cut, and what waits before it. */
export function Runway({ devices, missing }: RunwayProps): ReactNode {
  const [left, right] = devices;
  return (
    <div className="runway" data-missing={missing} aria-hidden="true">
      <Station device={left} />
      <SyncProvider client={left.client}>
        <Link side="left" />
      </SyncProvider>
      <span className="station" data-kind="server">
        <Icon name="server" />
        {missing ? 'No server' : 'Server'}
      </span>
      <SyncProvider client={right.client}>
        <Link side="right" />
      </SyncProvider>
      <Station device={right} />
    </div>
  );
}
