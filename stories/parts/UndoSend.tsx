import type { ReactNode } from 'react';
import { SyncProvider } from '../../src/index.js';
import type { Device } from '../device/devices.js';
import { Conversation } from './Conversation.js';
import { Icon } from './Icon.js';
import { MessageList } from './MessageList.js';
import { OnlineSwitch } from './NetworkControls.js';
import { StatusPill } from './StatusPill.js';

function Panel({ device, children }: { readonly device: Device; readonly children: ReactNode }): ReactNode {
  const { client, network, name, form } = device;
  return (
    <SyncProvider client={client}>
      <section className="device" aria-label={name}>
        <header className="device-head">
          <h2>
            <Icon name={form} />
            {name}
          </h2>
          <StatusPill />
          <OnlineSwitch network={network} name={name} />
        </header>
        {children}
      </section>
    </SyncProvider>
  );
}

export interface UndoSendProps {
  readonly writer: Device;
  readonly reader: Device;
  /** Milliseconds since the epoch, as the clients count them. */
  readonly now?: () => number;
  /** Forgets all that was written. Absent: it cannot be. */
  readonly startOver?: (() => void) | undefined;
}

/** A message that can be taken back, and the device it does not reach then. */
export function UndoSend({ writer, reader, now = Date.now, startOver }: UndoSendProps): ReactNode {
  return (
    <main className="demo talk">
      <header className="masthead">
        <div className="masthead-text">
          <h1>Undo send</h1>
          <p>
            <strong>Try it:</strong> send a message and undo it within five seconds: Ben never gets it. Undo
            it later: a deletion goes after it. Reload in between: the five seconds go on.
          </p>
          {startOver !== undefined && (
            <button type="button" className="button masthead-button" onClick={startOver}>
              Start over
            </button>
          )}
        </div>
      </header>
      <div className="devices">
        <Panel device={writer}>
          <Conversation owner={writer.owner} now={now} />
        </Panel>
        <Panel device={reader}>
          <MessageList owner={reader.owner} />
        </Panel>
      </div>
    </main>
  );
}
