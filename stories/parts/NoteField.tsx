import { useState, type KeyboardEvent, type ReactNode } from 'react';
import { useOptimisticMutation } from '../../src/index.js';
import type { Airport } from '../inspection/model.js';
import { setNotes } from '../inspection/mutations.js';

/** A note, edited in place: Enter or leaving the field keeps it, Escape takes it back. */
export function NoteField({ airport }: { readonly airport: Airport }): ReactNode {
  const { mutate } = useOptimisticMutation(setNotes);
  const [draft, setDraft] = useState<string>();

  function keep(): void {
    const notes = draft?.trim();
    setDraft(undefined);
    if (notes !== undefined && notes !== airport.notes) mutate({ id: airport.id, notes });
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
