import {
  createSyncClient,
  defineCollection,
  defineMutation,
  eventSourceChanges,
  httpTransport,
  type SyncClient,
} from '../../../src/index.js';

export interface Airport {
  id: string;
  name: string;
  notes: string;
  done?: boolean;
  visits: number;
}

export const airports = defineCollection<Airport>({ name: 'airports', key: 'id' });

export const visit = defineMutation({
  name: 'visit',
  optimistic: (tx, v: { id: string }) =>
    tx.update(airports, v.id, (draft) => {
      draft.visits += 1;
    }),
});

/** A client as an app would make it; the query string sets what a test needs to be quick. */
export function createAirportClient(query: URLSearchParams): SyncClient {
  return createSyncClient({
    name: 'airports',
    collections: [airports],
    mutations: [visit],
    transport: httpTransport({ url: '/sync', maxBatch: Number(query.get('batch') ?? 100) }),
    realtime: eventSourceChanges({ url: '/sync' }),
    retry: { baseMs: 5, capMs: 50 },
  });
}
