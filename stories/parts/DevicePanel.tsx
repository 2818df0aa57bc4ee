import { type ReactNode } from 'react';
import { SyncProvider } from '../../src/index.js';
import type { Device } from '../device/devices.js';
import { AirportList } from './AirportList.js';
import { Icon } from './Icon.js';
import { NetworkControls, OnlineSwitch, useNetwork } from './NetworkControls.js';
import { Outbox } from './Outbox.js';
import { Refused } from './Refused.js';
import { StatusAnnouncer, StatusPill } from './StatusPill.js';

export interface DevicePanelProps {
  readonly device: Device;
  /** Whether it is the one on a screen that has room for one. */
  readonly inFront: boolean;
}

/** One device, whole: its network, its airports, its outbox. */
export function DevicePanel({ device, inFront }: DevicePanelProps): ReactNode {
  const { client, network, name, owner, form } = device;
  const { online } = useNetwork(network);
  return (
    <SyncProvider client={client}>
      <section className="device" aria-label={name} data-front={inFront} data-online={online}>
        <header className="device-head">
          <h2>
            <Icon name={form} />
            {name}
          </h2>
          <StatusPill />
          <OnlineSwitch network={network} name={name} />
        </header>
        <NetworkControls network={network} />
        <AirportList owner={owner} />
        <div className="trays">
          <Outbox owner={owner} />
          <Refused owner={owner} />
        </div>
        <StatusAnnouncer name={name} />
      </section>
    </SyncProvider>
  );
}
