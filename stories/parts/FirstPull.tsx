import type { ReactNode } from 'react';
import { useEntities, useSyncClient, useSyncStatus } from '../../src/index.js';
import type { Device } from '../device/devices.js';
import { airports } from '../inspection/model.js';
import { AirportRow } from './AirportRow.js';
import { DevicePanel } from './DevicePanel.js';
import { Masthead } from './Masthead.js';
import { NetworkControls } from './NetworkControls.js';
import { Outbox } from './Outbox.js';
import { PullProgress } from './PullProgress.js';

/** How far it is; and when all is there, that it can be read again. */
function Reading(): ReactNode {
  const client = useSyncClient();
  const isReading = useSyncStatus(({ progress }) => progress !== undefined);
  const isHere = useSyncStatus(({ lastSyncedAt }) => lastSyncedAt !== undefined);
  if (isReading) return <PullProgress of="stands" />;
  return (
    <div className="pull">
      <span className="pull-text">{isHere ? 'All stands are here.' : 'Not all stands are here yet.'}</span>
      {isHere && (
        <button
          type="button"
          className="button"
          onClick={() => void client.sync({ direction: 'pull', operation: 'full' })}
        >
          Read all again
        </button>
      )}
    </div>
  );
}

/** The first stands, in order, from the first page on. */
function Stands({ owner }: { readonly owner: string }): ReactNode {
  const rows = useEntities(airports, { orderBy: 'id', limit: 30 });
  return (
    <div className="airports">
      <div className="list-scroll">
        {rows.length === 0 ? (
          <p className="list-empty">Waiting for the first page…</p>
        ) : (
          <ul className="rows" aria-label="Stands">
            {rows.map((stand) => (
              <AirportRow key={stand.id} airport={stand} owner={owner} upToDate={false} />
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

export interface FirstPullProps {
  readonly device: Device;
  /** Forgets all that was read and written here. Absent: it cannot be. */
  readonly startOver?: (() => void) | undefined;
}

/** A device that has nothing yet, and a server that has a hundred thousand rows for it. */
export function FirstPull({ device, startOver }: FirstPullProps): ReactNode {
  const { owner, network } = device;
  return (
    <main className="demo first-pull">
      <Masthead title="The first pull" startOver={startOver}>
        write notes while a hundred thousand stands come in.{' '}
        <span className="masthead-more">
          Go offline or reload in the midst of it: it goes on where it was. Read all again: nothing flickers.
        </span>
      </Masthead>
      <div className="devices">
        <DevicePanel device={device}>
          <Reading />
          <NetworkControls network={network} />
          <Stands owner={owner} />
          <div className="trays">
            <Outbox owner={owner} />
          </div>
        </DevicePanel>
      </div>
    </main>
  );
}
