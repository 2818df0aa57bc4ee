import { StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import {
  eventSourceChanges,
  SyncProvider,
  useEntities,
  useEntityStatus,
  useSyncClient,
  useSyncStatus,
  webSocketChanges,
} from '../../../src/index.js';
import { airports, createAirportClient, note, visit, type Airport } from './airports.js';

function Row({ airport }: { readonly airport: Airport }): ReactNode {
  const client = useSyncClient();
  const state = useEntityStatus(airports, airport.id);
  return (
    <li data-id={airport.id}>
      <label>
        {airport.name}
        <input
          value={airport.notes}
          onChange={(e) => client.update(airports, airport.id, { notes: e.target.value })}
        />
      </label>
      <span data-state>{state}</span>
    </li>
  );
}

function App(): ReactNode {
  const rows = useEntities(airports, { orderBy: 'id', limit: 20 });
  const { phase, pending, durable, failed, progress } = useSyncStatus();
  return (
    <main>
      <p role="status">{`${phase}, ${pending} pending, ${failed} failed, ${durable ? 'durable' : 'not durable'}`}</p>
      {progress !== undefined && <progress aria-label="Reading" value={progress.done} max={progress.total} />}
      <ul>
        {rows.map((airport) => (
          <Row key={airport.id} airport={airport} />
        ))}
      </ul>
    </main>
  );
}

const client = createAirportClient(new URLSearchParams(location.search));
const degraded: string[] = [];
client.on('storage.degraded', ({ error }) => degraded.push(error.code));
Object.assign(globalThis, {
  app: { client, airports, visit, note, degraded, eventSourceChanges, webSocketChanges },
});
createRoot(document.getElementById('root') ?? document.body).render(
  <StrictMode>
    <SyncProvider client={client}>
      <App />
    </SyncProvider>
  </StrictMode>,
);
