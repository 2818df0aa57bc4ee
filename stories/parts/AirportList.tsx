import { useDeferredValue, useEffect, useState, type ReactNode } from 'react';
import { useEntities, useSyncClient, useSyncStatus } from '../../src/index.js';
import { airports, type Airport } from '../inspection/model.js';
import { AirportRow, type AirportRowProps } from './AirportRow.js';
import { Icon } from './Icon.js';

const PAGE = 50;
const NUMBER = new Intl.NumberFormat('en-US');

const isInspected = (airport: Airport): boolean =>
  airport.notes !== '' || airport.findings > 0 || airport.status !== 'open';

const mentions = ({ iata, name, city, notes }: Airport, term: string): boolean =>
  term === '' || `${iata} ${name} ${city} ${notes}`.toLowerCase().includes(term);

/** Whether this device has read the server's feed to its end once. */
function useUpToDate(): boolean {
  const client = useSyncClient();
  const [upToDate, setUpToDate] = useState(false);
  useEffect(
    () => client.on('sync.completed', ({ direction }) => setUpToDate((is) => is || direction === 'pull')),
    [client],
  );
  return upToDate;
}

function Nothing({ term, inspected }: { readonly term: string; readonly inspected: boolean }): ReactNode {
  const phase = useSyncStatus((status) => status.phase);
  const text =
    term !== ''
      ? `No airport mentions “${term}”.`
      : inspected
        ? 'Nothing inspected yet. Write a note at any airport.'
        : phase === 'offline'
          ? 'No airports on this device yet. Go online to fetch them.'
          : 'Waiting for the server’s airports…';
  return <p className="list-empty">{text}</p>;
}

/** The airports of one device: searched, filtered, fifty at a time. */
export function AirportList({ owner, notes }: Pick<AirportRowProps, 'owner' | 'notes'>): ReactNode {
  const [search, setSearch] = useState('');
  const [inspected, setInspected] = useState(false);
  const [shown, setShown] = useState(PAGE);
  const upToDate = useUpToDate();
  const term = useDeferredValue(search.trim().toLowerCase());
  const rows = useEntities(
    airports,
    { where: (one) => (!inspected || isInspected(one)) && mentions(one, term), orderBy: 'name' },
    [inspected, term],
  );
  return (
    <div className="airports">
      <div className="list-tools">
        <label className="search">
          <Icon name="search" />
          <input
            type="search"
            aria-label="Search airports"
            placeholder="Search airports and notes"
            value={search}
            onChange={(event) => {
              setSearch(event.target.value);
              setShown(PAGE);
            }}
          />
        </label>
        <button
          type="button"
          className="button"
          aria-pressed={inspected}
          onClick={() => setInspected(!inspected)}
        >
          Inspected only
        </button>
        <span className="list-count">{NUMBER.format(rows.length)}</span>
      </div>
      <div className="list-scroll">
        {rows.length === 0 ? (
          <Nothing term={search.trim()} inspected={inspected} />
        ) : (
          <ul className="rows" aria-label="Airports">
            {rows.slice(0, shown).map((airport) => (
              <AirportRow
                key={airport.id}
                airport={airport}
                owner={owner}
                notes={notes}
                upToDate={upToDate}
              />
            ))}
          </ul>
        )}
        {rows.length > shown && (
          <button type="button" className="button list-more" onClick={() => setShown(shown + PAGE)}>
            Show {Math.min(PAGE, rows.length - shown)} more
          </button>
        )}
      </div>
    </div>
  );
}
