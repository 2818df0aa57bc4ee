import type { ReactNode } from 'react';
import type { EditableField } from '../inspection/editableFields.js';

export interface OwnValueProps {
  readonly group: string;
  readonly label: string;
  readonly kind: EditableField;
  /** Undefined: it is not what was picked. */
  readonly value: string | undefined;
  readonly onPick: (value?: string) => void;
}

/** The answer that neither side has given. */
export function OwnValue({ group, label, kind, value, onPick }: OwnValueProps): ReactNode {
  const field = {
    className: 'field option-own',
    'aria-label': `${label}, something else`,
    value: value ?? '',
  };
  return (
    <div className="option">
      <input
        type="radio"
        name={group}
        aria-label="Something else"
        checked={value !== undefined}
        onChange={() => onPick()}
      />
      <span className="option-who" aria-hidden="true">
        Something else
      </span>
      {kind.choices === undefined ? (
        <input
          {...field}
          type="text"
          autoComplete="off"
          placeholder="Write it here"
          maxLength={kind.maxLength}
          onChange={(event) => onPick(event.target.value)}
        />
      ) : (
        <select {...field} onChange={(event) => onPick(event.target.value)}>
          <option value="" disabled>
            Choose
          </option>
          {kind.choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.text}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}
