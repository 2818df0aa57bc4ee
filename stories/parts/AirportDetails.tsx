import { useId, type ReactNode } from 'react';
import { useEntities, useOptimisticMutation } from '../../src/index.js';
import { STATUSES } from '../inspection/editableFields.js';
import { whenText } from '../inspection/fieldText.js';
import { findings, type Airport } from '../inspection/model.js';
import { setStatus } from '../inspection/mutations.js';
import { FindingForm } from './FindingForm.js';

function StatusChoice({ airport }: { readonly airport: Airport }): ReactNode {
  const { mutate } = useOptimisticMutation(setStatus);
  const group = useId();
  return (
    <fieldset className="segments">
      <legend className="visually-hidden">Status of {airport.name}</legend>
      {STATUSES.map(({ value, text }) => (
        <label key={value}>
          <input
            type="radio"
            name={group}
            checked={airport.status === value}
            onChange={() => mutate({ id: airport.id, status: value })}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** The findings at one airport, and what can be done there. */
export function AirportDetails({
  airport,
  owner,
}: {
  readonly airport: Airport;
  readonly owner: string;
}): ReactNode {
  const found = useEntities(findings, {
    where: { airportId: airport.id },
    orderBy: { field: 'createdAt', direction: 'desc' },
  });
  return (
    <div className="details">
      <StatusChoice airport={airport} />
      {airport.status === 'closed' ? (
        <p className="details-empty">Closed: it takes no more findings.</p>
      ) : (
        <FindingForm airportId={airport.id} owner={owner} />
      )}
      {found.length === 0 && airport.status !== 'closed' && <p className="details-empty">No findings yet.</p>}
      {found.length > 0 && (
        <ul className="findings">
          {found.map(({ id, text, severity, author, createdAt }) => (
            <li key={id}>
              <span className="severity" data-severity={severity}>
                {severity}
              </span>
              <span className="finding-text">{text}</span>
              <span className="finding-by">
                {author}, {whenText(createdAt)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
