import { useState, type ReactNode } from 'react';
import { SyncProvider, useConflicts } from '../../src/index.js';
import type { Device, Devices } from '../device/devices.js';
import { AirportList } from './AirportList.js';
import { AuditTrail } from './AuditTrail.js';
import { Conflicts } from './Conflicts.js';
import { Icon } from './Icon.js';
import { OnlineSwitch } from './NetworkControls.js';
import { Outbox } from './Outbox.js';
import { Refused } from './Refused.js';
import { Runway } from './Runway.js';
import { StatusAnnouncer, StatusPill } from './StatusPill.js';

/** `desk`, or a device's id: what is shown on a screen that has room for one. */
type Front = string;

function Round({ device, front }: { readonly device: Device; readonly front: Front }): ReactNode {
  const { id, client, name, owner, form, network } = device;
  return (
    <SyncProvider client={client}>
      <section className="device" aria-label={name} data-front={front === id}>
        <header className="device-head">
          <h2>
            <Icon name={form} />
            {name}
          </h2>
          <StatusPill />
          <OnlineSwitch network={network} name={name} />
        </header>
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
      <header className="masthead">
        <div className="masthead-text">
          <h1>The conflict desk</h1>
          <p>
            <strong>Try it:</strong> decide what stays. Then take Ada offline, change one note on both sides,
            go online: she is asked.{' '}
            <span className="masthead-more">Reload: what is undecided still waits.</span>
          </p>
          {startOver !== undefined && (
            <button type="button" className="button masthead-button" onClick={startOver}>
              Start over
            </button>
          )}
        </div>
        <Runway devices={devices} missing={false} />
      </header>
      <div className="device-choice" role="group" aria-label="What is shown">
        {sides.map(({ side, text }) => (
          <button key={side} type="button" aria-pressed={front === side} onClick={() => setFront(side)}>
            {text}
          </button>
        ))}
      </div>
      <div className="devices">
        <Round device={ada} front={front} />
        <Desk devices={devices} whose={whose} choose={setWhose} front={front} />
        <Round device={ben} front={front} />
      </div>
    </main>
  );
}
