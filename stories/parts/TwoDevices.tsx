import { useState, type ReactNode } from 'react';
import type { Devices } from '../device/devices.js';
import { AirportList } from './AirportList.js';
import { DevicePanel } from './DevicePanel.js';
import { FrontChoice } from './FrontChoice.js';
import { Masthead } from './Masthead.js';
import { NetworkControls } from './NetworkControls.js';
import { Outbox } from './Outbox.js';
import { PullProgress } from './PullProgress.js';
import { Refused } from './Refused.js';
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
      <Masthead title="Airport inspections" below={<Runway devices={devices} missing={missing} />}>
        {server === 'remote'
          ? 'take Ada offline, edit a note, reload the page: nothing is lost. Go online: it arrives at Ben’s.'
          : 'take Ada offline and edit a note. Go online: it arrives at Ben’s. This server lives in the page.'}{' '}
        <span className="masthead-more">
          Put an e-mail address into a note: the server refuses that edit only.
        </span>
      </Masthead>
      {missing && <ServerNotice retry={retry} />}
      <FrontChoice
        label="Device"
        sides={devices.map(({ id, name }) => ({ side: id, text: name }))}
        front={front}
        choose={setFront}
      />
      <div className="devices">
        {devices.map((device) => (
          <DevicePanel key={device.id} device={device} inFront={device.id === front}>
            <PullProgress of="airports" />
            <NetworkControls network={device.network} />
            <AirportList owner={device.owner} />
            <div className="trays">
              <Outbox owner={device.owner} />
              <Refused owner={device.owner} />
            </div>
          </DevicePanel>
        ))}
      </div>
    </main>
  );
}
