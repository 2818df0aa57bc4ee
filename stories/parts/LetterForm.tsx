import { useId, useState, type ReactNode, type SubmitEvent } from 'react';
import { SyncError, useEntities, type DeadLetterView } from '../../src/index.js';
import { editableFields, type EditableField } from '../inspection/editableFields.js';
import { airports } from '../inspection/model.js';

interface FieldProps {
  readonly field: EditableField;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Field({ field: { label, maxLength, choices }, value, onChange }: FieldProps): ReactNode {
  const id = useId();
  return (
    <div className="letter-field">
      <label htmlFor={id}>{label}</label>
      {choices === undefined ? (
        <input
          id={id}
          className="field"
          type="text"
          autoComplete="off"
          maxLength={maxLength}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <select id={id} className="field" value={value} onChange={(event) => onChange(event.target.value)}>
          {!choices.some((choice) => choice.value === value) && (
            <option value={value} disabled>
              {value}
            </option>
          )}
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.text}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

export interface LetterFormProps {
  readonly letter: DeadLetterView;
  /** What the letter says, for those who cannot see where the buttons are. */
  readonly what: string;
  /** How many wait for it. */
  readonly waiting: number;
  /** Throws what the mutation itself throws. */
  readonly retry: (editedVariables?: unknown) => void;
  readonly discard: () => void;
}

/** What can be done about one letter. */
export function LetterForm({ letter, what, waiting, retry, discard }: LetterFormProps): ReactNode {
  const places = useEntities(airports, { orderBy: 'name' });
  const fields = editableFields(
    letter.name,
    places.map(({ id, name, status }) => ({
      value: id,
      text: status === 'closed' ? `${id} ${name} (closed)` : `${id} ${name}`,
    })),
  );
  const [draft, setDraft] = useState<Readonly<Record<string, string>>>({});
  const [problem, setProblem] = useState<string>();
  const own = letter.variables as Readonly<Record<string, unknown>>;
  const discardText = waiting === 0 ? 'Discard' : `Discard all ${waiting + 1}`;
  const isEdited = Object.entries(draft).some(([key, value]) => value !== own[key]);

  function attempt(editedVariables?: unknown): void {
    try {
      retry(editedVariables);
    } catch (error) {
      setProblem(error instanceof SyncError ? error.message : String(error));
    }
  }

  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    attempt(isEdited ? { ...own, ...draft } : undefined);
  }

  return (
    <form className="letter-form" onSubmit={onSubmit}>
      {fields.map((field) => (
        <Field
          key={field.key}
          field={field}
          value={draft[field.key] ?? String(own[field.key])}
          onChange={(value) => setDraft({ ...draft, [field.key]: value })}
        />
      ))}
      {problem !== undefined && (
        <p className="letter-problem" role="alert">
          {problem}
        </p>
      )}
      <div className="letter-actions">
        {fields.length > 0 && (
          <button type="submit" className="button" data-kind="main" aria-label={`Retry: ${what}`}>
            Retry
          </button>
        )}
        <button
          type="button"
          className="button"
          aria-label={`Retry as it is: ${what}`}
          onClick={() => attempt()}
        >
          Retry as it is
        </button>
        <button
          type="button"
          className="button"
          data-kind="quiet"
          aria-label={`${discardText}: ${what}`}
          onClick={discard}
        >
          {discardText}
        </button>
      </div>
    </form>
  );
}
