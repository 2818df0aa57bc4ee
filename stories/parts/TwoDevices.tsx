import { useState, type ReactNode } from 'react';
import type { Devices } from '../device/devices.js';
import { DevicePanel } from './DevicePanel.js';
import { Runway } from './Runway.js';
import { useServer } from './useServer.js';

export interface TwoDevicesProps {
  readonly devices: Devices;
  /** `page`: it is inside this page. */
  readonly server?: 'remote' | 'page';
}

function ServerNotice({ retry }: { readonly retry: () => void }): ReactNode {
  return (
    <p className="notice" role="status">
      <span>
        No server answers at <code>/sync</code>. Start it with <code>npm start</code>; edits made meanwhile
        are kept.
      </span>
      <button type="button" className="button" onClick={retry}>
        Try again
      </button>
    </p>
  );
}

/** Two people at the same airports, each with a network of their own. */
export function TwoDevices({ devices, server = 'remote' }: TwoDevicesProps): ReactNode {
  const [front, setFront] = useState(devices[0].id);
  const { missing, retry } = useServer(devices, server === 'remote');
  return (
    <main className="demo">
      <header className="masthead">
        <div className="masthead-text">
          <h1>Airport inspections</h1>
          <p>
            <strong>Try it:</strong>{' '}
            {server === 'remote'
              ? 'take Ada offline, edit a note, reload the page: nothing is lost. Go online: it arrives at Ben’s.'
              : 'take Ada offline and edit a note. Go online: it arrives at Ben’s. This server lives in the page.'}{' '}
            <span className="masthead-more">
              Put an e-mail address into a note: the server refuses that edit only.
            </span>
          </p>
        </div>
        <Runway devices={devices} missing={missing} />
      </header>
      {missing && <ServerNotice retry={retry} />}
      <div className="device-choice" role="group" aria-label="Device">
        {devices.map(({ id, name }) => (
          <button key={id} type="button" aria-pressed={front === id} onClick={() => setFront(id)}>
            {name}
          </button>
        ))}
      </div>
      <div className="devices">
        {devices.map((device) => (
          <DevicePanel key={device.id} device={device} inFront={device.id === front} />
        ))}
      </div>
    </main>
  );
}
