import { useState, type KeyboardEvent, type ReactNode } from 'react';
import { useOptimisticMutation, useSyncClient, type DeadLetterView } from '../../src/index.js';
import type { Airport } from '../inspection/model.js';
import { setNotes } from '../inspection/mutations.js';

export interface NoteFieldProps {
  readonly airport: Airport;
  /** How a note is sent. @default the one that a refusal takes back */
  readonly definition?: typeof setNotes | undefined;
  /** The refused note that is still shown: to edit it here is to try it again. */
  readonly held?: DeadLetterView | undefined;
  readonly describedBy?: string | undefined;
}

/** A note, edited in place: Enter or leaving the field keeps it, Escape takes it back. */
export function NoteField({ airport, definition = setNotes, held, describedBy }: NoteFieldProps): ReactNode {
  const client = useSyncClient();
  const { mutate } = useOptimisticMutation(definition);
  const [draft, setDraft] = useState<string>();

  function keep(): void {
    const notes = draft?.trim();
    setDraft(undefined);
    if (notes === undefined || notes === airport.notes) return;
    const note = { id: airport.id, notes };
    if (held === undefined) mutate(note);
    else client.retry(held.token, note);
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter') keep();
    if (event.key === 'Escape') setDraft(undefined);
  }

  return (
    <input
      className="note"
      type="text"
      aria-label={`Note for ${airport.name}`}
      aria-invalid={held !== undefined}
      aria-describedby={describedBy}
      placeholder="Add a note"
      title={airport.notes}
      autoComplete="off"
      maxLength={280}
      value={draft ?? airport.notes}
      onChange={(event) => setDraft(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={keep}
    />
  );
}
