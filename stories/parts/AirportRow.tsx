import { memo, useId, useState, type ReactNode } from 'react';
import { useDeadLetters, useEntityStatus } from '../../src/index.js';
import { airports, type Airport } from '../inspection/model.js';
import { whyRefused } from '../inspection/whyRefused.js';
import { AirportDetails } from './AirportDetails.js';
import { Icon } from './Icon.js';
import { NoteField, type NoteFieldProps } from './NoteField.js';
import { Plate } from './Plate.js';
import { StateMark } from './StateMark.js';

export interface AirportRowProps {
  readonly airport: Airport;
  readonly owner: string;
  /** How a note is sent. @default the one that a refusal takes back */
  readonly notes?: NoteFieldProps['definition'] | undefined;
  /** The device has read all there was; what comes now is news. */
  readonly upToDate: boolean;
}

/** How often `row` came anew from elsewhere: it changed while nothing of this device is pending on it. */
function useArrivals(row: Airport, fromElsewhere: boolean): number {
  const [seen, setSeen] = useState(row);
  const [arrivals, setArrivals] = useState(0);
  if (seen !== row) {
    setSeen(row);
    if (fromElsewhere) setArrivals(arrivals + 1);
  }
  return arrivals;
}

export const AirportRow = memo(function AirportRow({
  airport,
  owner,
  notes,
  upToDate,
}: AirportRowProps): ReactNode {
  const { iata, name, city, state, country, status, findings } = airport;
  const [open, setOpen] = useState(false);
  const detailsId = useId();
  const sync = useEntityStatus(airports, airport.id);
  const [held] = useDeadLetters({ collection: airports.name, id: airport.id, needsAttention: true });
  const whyId = useId();
  const arrivals = useArrivals(airport, upToDate && sync === 'synced');
  const place = [city, state === '' ? country : state].filter((part) => part !== '').join(', ');
  return (
    <li className="row" data-open={open}>
      {arrivals > 0 && <span className="row-arrival" key={arrivals} aria-hidden="true" />}
      <div className="row-line">
        <Plate code={iata} status={status} />
        <div className="row-place">
          <span className="row-name" title={name}>
            {name}
          </span>
          <span className="row-city">
            {status !== 'open' && <strong>{status === 'watch' ? 'On watch' : 'Closed'}</strong>}
            {place}
          </span>
        </div>
        <NoteField airport={airport} definition={notes} held={held} describedBy={held && whyId} />
        <button
          type="button"
          className="row-toggle"
          aria-expanded={open}
          aria-controls={detailsId}
          aria-label={`${findings} ${findings === 1 ? 'finding' : 'findings'} at ${name}`}
          onClick={() => setOpen(!open)}
        >
          <span data-some={findings > 0}>{findings}</span>
          <Icon name="chevron" />
        </button>
        <StateMark state={held !== undefined && sync === 'failed' ? 'needsAttention' : sync} />
      </div>
      {held !== undefined && (
        <p className="row-attention" id={whyId}>
          {whyRefused(held.error)}
        </p>
      )}
      <div id={detailsId} hidden={!open}>
        {open && <AirportDetails airport={airport} owner={owner} />}
      </div>
    </li>
  );
});
