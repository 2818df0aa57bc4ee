import { useRef, useState, type ReactNode, type SubmitEvent } from 'react';
import {
  insert,
  useOptimisticMutation,
  usePendingMutations,
  useSyncClient,
  type Token,
} from '../../src/index.js';
import { messages, type Message } from '../talk/messages.js';
import { MessageList } from './MessageList.js';
import { UndoToast } from './UndoToast.js';

const UNDO_MS = 5_000;

const CAME_TO = {
  cancelled: 'Taken back: it was never sent.',
  queued: 'It had been sent, so a deletion goes after it.',
  settled: 'There is nothing left to take back.',
};

export interface ConversationProps {
  readonly owner: string;
  /** Milliseconds since the epoch, as the client counts them. */
  readonly now: () => number;
}

/** Messages that can be taken back: before they are sent, and after. */
export function Conversation({ owner, now }: ConversationProps): ReactNode {
  const client = useSyncClient();
  const { mutate } = useOptimisticMutation(insert(messages), { sendAfter: UNDO_MS });
  const delayed = usePendingMutations({ collection: messages.name, state: 'delayed' });
  const [text, setText] = useState('');
  const [said, setSaid] = useState('');
  const [known, setKnown] = useState<readonly Token[]>([]);
  const field = useRef<HTMLInputElement>(null);

  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    if (text.trim() === '') return;
    const message = { id: crypto.randomUUID(), text: text.trim(), author: owner, writtenAt: now() };
    mutate(message, { idempotencyKey: message.id });
    setKnown([...known, message.id]);
    setText('');
    setSaid('');
  }

  async function undo({ id, text: former }: Pick<Message, 'id' | 'text'>): Promise<void> {
    const cameTo = await client.undo(id);
    setSaid(CAME_TO[cameTo]);
    if (cameTo === 'cancelled') setText((draft) => (draft === '' ? former : draft));
    field.current?.focus();
  }

  return (
    <div className="conversation">
      <MessageList
        owner={owner}
        undoing={{ now, knows: ({ id }) => known.includes(id), undo: (message) => void undo(message) }}
      />
      <div className="toasts" role="status">
        {said !== '' && <p className="toast-said">{said}</p>}
        {delayed.map((mutation) => (
          <UndoToast
            key={mutation.token}
            mutation={mutation}
            now={now}
            undo={() => void undo(mutation.variables as Message)}
          />
        ))}
      </div>
      <form className="composer" onSubmit={onSubmit}>
        <input
          ref={field}
          className="field"
          type="text"
          aria-label="Message"
          placeholder="Write to Ben"
          autoComplete="off"
          maxLength={500}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button" data-kind="main">
          Send
        </button>
      </form>
    </div>
  );
}
