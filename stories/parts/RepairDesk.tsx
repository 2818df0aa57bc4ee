import { useState, type ReactNode } from 'react';
import { SyncProvider, useDeadLetters } from '../../src/index.js';
import type { Device } from '../device/devices.js';
import { keepNotes } from '../inspection/mutations.js';
import { AirportList } from './AirportList.js';
import { Icon } from './Icon.js';
import { Letters } from './Letters.js';
import { OnlineSwitch } from './NetworkControls.js';
import { Outbox } from './Outbox.js';
import { StatusAnnouncer, StatusPill } from './StatusPill.js';

export interface RepairDeskProps {
  readonly device: Device;
  /** Forgets all that was done here. Absent: it cannot be. */
  readonly startOver?: (() => void) | undefined;
}

type Side = 'desk' | 'round';

function Sides({ device }: { readonly device: Device }): ReactNode {
  const { name, owner, form, network } = device;
  const [front, setFront] = useState<Side>('desk');
  const refused = useDeadLetters().length;
  const sides: readonly { readonly side: Side; readonly text: string }[] = [
    { side: 'desk', text: refused === 0 ? 'Repair desk' : `Repair desk (${refused})` },
    { side: 'round', text: 'Airports' },
  ];
  return (
    <>
      <div className="device-choice" role="group" aria-label="What is shown">
        {sides.map(({ side, text }) => (
          <button key={side} type="button" aria-pressed={front === side} onClick={() => setFront(side)}>
            {text}
          </button>
        ))}
      </div>
      <div className="devices">
        <section className="device" aria-label={name} data-front={front === 'round'}>
          <header className="device-head">
            <h2>
              <Icon name={form} />
              {name}
            </h2>
            <StatusPill />
            <OnlineSwitch network={network} name={name} />
          </header>
          <AirportList owner={owner} notes={keepNotes} />
          <div className="trays">
            <Outbox owner={owner} />
          </div>
          <StatusAnnouncer name={name} />
        </section>
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
      <header className="masthead">
        <div className="masthead-text">
          <h1>The repair desk</h1>
          <p>
            <strong>Try it:</strong> leave the e-mail address out of the note, or send the finding to an
            airport that is open, and retry. Reload the page: the desk is as it was.
          </p>
          {startOver !== undefined && (
            <button type="button" className="button masthead-button" onClick={startOver}>
              Start over
            </button>
          )}
        </div>
      </header>
      <SyncProvider client={device.client}>
        <Sides device={device} />
      </SyncProvider>
    </main>
  );
}
