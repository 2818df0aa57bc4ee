import type { ReactNode } from 'react';
import type { Device } from '../device/devices.js';
import { Conversation } from './Conversation.js';
import { DevicePanel } from './DevicePanel.js';
import { Masthead } from './Masthead.js';
import { MessageList } from './MessageList.js';

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
      <Masthead title="Undo send" startOver={startOver}>
        send a message and undo it within five seconds: Ben never gets it. Undo it later: a deletion goes
        after it. Reload in between: the five seconds go on.
      </Masthead>
      <div className="devices">
        <DevicePanel device={writer}>
          <Conversation owner={writer.owner} now={now} />
        </DevicePanel>
        <DevicePanel device={reader}>
          <MessageList owner={reader.owner} />
        </DevicePanel>
      </div>
    </main>
  );
}
