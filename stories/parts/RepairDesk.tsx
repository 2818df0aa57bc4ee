import { useState, type ReactNode } from 'react';
import { SyncProvider, useDeadLetters } from '../../src/index.js';
import type { Device } from '../device/devices.js';
import { keepNotes } from '../inspection/mutations.js';
import { AirportList } from './AirportList.js';
import { DevicePanel } from './DevicePanel.js';
import { FrontChoice } from './FrontChoice.js';
import { Letters } from './Letters.js';
import { Masthead } from './Masthead.js';
import { Outbox } from './Outbox.js';

export interface RepairDeskProps {
  readonly device: Device;
  /** Forgets all that was done here. Absent: it cannot be. */
  readonly startOver?: (() => void) | undefined;
}

type Side = 'desk' | 'round';

function Sides({ device }: { readonly device: Device }): ReactNode {
  const { owner } = device;
  const [front, setFront] = useState<Side>('desk');
  const refused = useDeadLetters().length;
  const sides: readonly { readonly side: Side; readonly text: string }[] = [
    { side: 'desk', text: refused === 0 ? 'Repair desk' : `Repair desk (${refused})` },
    { side: 'round', text: 'Airports' },
  ];
  return (
    <>
      <FrontChoice label="What is shown" sides={sides} front={front} choose={setFront} />
      <div className="devices">
        <DevicePanel device={device} inFront={front === 'round'}>
          <AirportList owner={owner} notes={keepNotes} />
          <div className="trays">
            <Outbox owner={owner} />
          </div>
        </DevicePanel>
        <section className="device desk" aria-label="Repair desk" data-front={front === 'desk'}>
          <header className="device-head">
            <h2>Repair desk</h2>
            <span className="count">{refused === 0 ? '' : `${refused} refused`}</span>
          </header>
          <Letters owner={owner} />
        </section>
      </div>
    </>
  );
}

/** An inspector's round, and the edits of it that the server refused. */
export function RepairDesk({ device, startOver }: RepairDeskProps): ReactNode {
  return (
    <main className="demo">
      <Masthead title="The repair desk" startOver={startOver}>
        leave the e-mail address out of the note, or send the finding to an airport that is open, and retry.
        Reload the page: the desk is as it was.
      </Masthead>
      <SyncProvider client={device.client}>
        <Sides device={device} />
      </SyncProvider>
    </main>
  );
}
