import type { ReactNode } from 'react';
import { SyncProvider } from '../../src/index.js';
import type { Device } from '../device/devices.js';
import { Icon } from './Icon.js';
import { OnlineSwitch } from './NetworkControls.js';
import { StatusAnnouncer, StatusPill } from './StatusPill.js';

export interface DevicePanelProps {
  readonly device: Device;
  /** Whether it is the one on a screen that has room for one. @default true */
  readonly inFront?: boolean;
  /** What its owner works with. */
  readonly children: ReactNode;
}

/** One device: whose it is, how it is doing, its switch, and what is on its screen. */
export function DevicePanel({ device, inFront = true, children }: DevicePanelProps): ReactNode {
  const { client, network, name, form } = device;
  return (
    <SyncProvider client={client}>
      <section className="device" aria-label={name} data-front={inFront}>
        <header className="device-head">
          <h2>
            <Icon name={form} />
            {name}
          </h2>
          <StatusPill />
          <OnlineSwitch network={network} name={name} />
        </header>
        {children}
        <StatusAnnouncer name={name} />
      </section>
    </SyncProvider>
  );
}
