import { useLayoutEffect, useRef, type ReactNode } from 'react';
import {
  useEntities,
  usePendingMutations,
  useSyncStatus,
  type PendingMutationView,
} from '../../src/index.js';
import { messages, type Message } from '../talk/messages.js';
import { Icon } from './Icon.js';
import { useCountdown } from './useCountdown.js';

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

interface Undoing {
  readonly now: () => number;
  /** Whether this page knows how to take a message back that has left the outbox. */
  readonly knows: (message: Message) => boolean;
  readonly undo: (message: Message) => void;
}

interface MessageStateProps {
  readonly message: Message;
  /** Its mutation, while it is in the outbox. */
  readonly pending: PendingMutationView | undefined;
  readonly undoing: Undoing;
}

function MessageState({ message, pending, undoing }: MessageStateProps): ReactNode {
  const online = useSyncStatus((status) => status.online);
  const seconds = useCountdown(pending?.nextAttemptAt, undoing.now) ?? 0;
  const leavesIn = pending?.state === 'delayed' && seconds > 0 ? seconds : undefined;
  const said =
    pending === undefined
      ? `Sent ${TIME.format(message.writtenAt)}`
      : leavesIn !== undefined
        ? `Leaves in ${leavesIn} s`
        : online
          ? 'Sending'
          : 'Kept until the network is back';
  // While there is time, the toast offers it.
  const canUndo = pending === undefined ? undoing.knows(message) : leavesIn === undefined;
  return (
    <p className="message-state">
      <Icon name={pending === undefined ? 'check' : 'clock'} />
      <span>{said}</span>
      {canUndo && (
        <button
          type="button"
          className="button"
          data-kind="quiet"
          aria-label={`Undo “${message.text}”`}
          onClick={() => undoing.undo(message)}
        >
          Undo
        </button>
      )}
    </p>
  );
}

export interface MessageListProps {
  readonly owner: string;
  /** Absent: the messages can only be read. */
  readonly undoing?: Undoing;
}

/** The messages as one device has them, the owner's on the right. */
export function MessageList({ owner, undoing }: MessageListProps): ReactNode {
  const rows = useEntities(messages, { orderBy: 'writtenAt' });
  const pending = usePendingMutations({ collection: messages.name });
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [rows.length]);
  return (
    <ul className="messages" ref={list} tabIndex={0} aria-label={`Messages on ${owner}’s device`}>
      {rows.map((message) => (
        <li key={message.id} className="message" data-mine={message.author === owner}>
          <p className="message-text">
            <span className="visually-hidden">{message.author}: </span>
            {message.text}
          </p>
          {message.author === owner && undoing !== undefined && (
            <MessageState
              message={message}
              pending={pending.find(({ token }) => token === message.id)}
              undoing={undoing}
            />
          )}
        </li>
      ))}
    </ul>
  );
}
