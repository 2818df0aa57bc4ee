import { useState, type ReactNode } from 'react';
import { SyncProvider, useConflicts } from '../../src/index.js';
import type { Device, Devices } from '../device/devices.js';
import { AirportList } from './AirportList.js';
import { AuditTrail } from './AuditTrail.js';
import { Conflicts } from './Conflicts.js';
import { DevicePanel } from './DevicePanel.js';
import { FrontChoice } from './FrontChoice.js';
import { Masthead } from './Masthead.js';
import { Outbox } from './Outbox.js';
import { Refused } from './Refused.js';
import { Runway } from './Runway.js';

/** `desk`, or a device's id: what is shown on a screen that has room for one. */
type Front = string;

function Round({ device, front }: { readonly device: Device; readonly front: Front }): ReactNode {
  const { id, owner } = device;
  return (
    <DevicePanel device={device} inFront={front === id}>
      <AirportList owner={owner} />
      <div className="trays">
        <Outbox owner={owner} />
        <Refused owner={owner} />
      </div>
    </DevicePanel>
  );
}

function Waiting({ owner }: { readonly owner: string }): ReactNode {
  const { length } = useConflicts();
  return length === 0 ? owner : `${owner} (${length})`;
}

function Desk({
  devices,
  whose,
  choose,
  front,
}: {
  readonly devices: Devices;
  readonly whose: Device;
  readonly choose: (device: Device) => void;
  readonly front: Front;
}): ReactNode {
  const { client, owner } = whose;
  return (
    <section className="device desk" aria-label="Conflict desk" data-front={front === 'desk'}>
      <header className="device-head">
        <h2>Conflict desk</h2>
        <div className="desk-whose" role="group" aria-label="Whose conflicts">
          {devices.map((device) => (
            <SyncProvider key={device.id} client={device.client}>
              <button
                type="button"
                className="button"
                aria-pressed={device === whose}
                onClick={() => choose(device)}
              >
                <Waiting owner={device.owner} />
              </button>
            </SyncProvider>
          ))}
        </div>
      </header>
      <SyncProvider client={client} key={whose.id}>
        <Conflicts owner={owner} />
        <div className="trays">
          <AuditTrail owner={owner} />
        </div>
      </SyncProvider>
    </section>
  );
}

export interface ConflictDeskProps {
  readonly devices: Devices;
  /** Forgets all that was done here. Absent: it cannot be. */
  readonly startOver?: (() => void) | undefined;
}

/** Two inspectors who have edited the same airports without hearing of each other, and what is to stay. */
export function ConflictDesk({ devices, startOver }: ConflictDeskProps): ReactNode {
  const [ada, ben] = devices;
  const [front, setFront] = useState<Front>('desk');
  const [whose, setWhose] = useState<Device>(ada);
  const sides: readonly { readonly side: Front; readonly text: string }[] = [
    { side: ada.id, text: ada.owner },
    { side: 'desk', text: 'Conflict desk' },
    { side: ben.id, text: ben.owner },
  ];
  return (
    <main className="demo disputed">
      <Masthead
        title="The conflict desk"
        startOver={startOver}
        below={<Runway devices={devices} missing={false} />}
      >
        decide what stays. Then take Ada offline, change one note on both sides, go online: she is asked.{' '}
        <span className="masthead-more">Reload: what is undecided still waits.</span>
      </Masthead>
      <FrontChoice label="What is shown" sides={sides} front={front} choose={setFront} />
      <div className="devices">
        <Round device={ada} front={front} />
        <Desk devices={devices} whose={whose} choose={setWhose} front={front} />
        <Round device={ben} front={front} />
      </div>
    </main>
  );
}
