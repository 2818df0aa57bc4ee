import { useState, type ReactNode, type SubmitEvent } from 'react';
import { useOptimisticMutation } from '../../src/index.js';
import { SEVERITIES } from '../inspection/editableFields.js';
import type { Severity } from '../inspection/model.js';
import { addFinding } from '../inspection/mutations.js';

export function FindingForm({
  airportId,
  owner,
}: {
  readonly airportId: string;
  readonly owner: string;
}): ReactNode {
  const { mutate } = useOptimisticMutation(addFinding);
  const [text, setText] = useState('');
  const [severity, setSeverity] = useState<Severity>('medium');

  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    if (text.trim() === '') return;
    mutate({
      id: crypto.randomUUID(),
      airportId,
      text: text.trim(),
      severity,
      author: owner,
      createdAt: Date.now(),
    });
    setText('');
  }

  return (
    <form className="finding-form" onSubmit={onSubmit}>
      <input
        className="field"
        type="text"
        aria-label="What was found"
        placeholder="What was found?"
        autoComplete="off"
        maxLength={200}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <select
        className="field"
        aria-label="Severity"
        value={severity}
        onChange={(event) => setSeverity(event.target.value as Severity)}
      >
        {SEVERITIES.map(({ value, text: said }) => (
          <option key={value} value={value}>
            {said}
          </option>
        ))}
      </select>
      <button type="submit" className="button" data-kind="main">
        Add finding
      </button>
    </form>
  );
}
