import {
  createSyncClient,
  defineCollection,
  defineMutation,
  eventSourceChanges,
  httpTransport,
  webSocketChanges,
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

/** Says nothing of merging: each goes by itself (CO4). */
export const note = defineMutation({
  name: 'note',
  optimistic: (tx, v: { id: string; notes: string }) => tx.update(airports, v.id, { notes: v.notes }),
});

/** A client as an app would make it; the query string sets what a test needs to be quick. */
export function createAirportClient(query: URLSearchParams): SyncClient {
  return createSyncClient({
    name: 'airports',
    collections: [airports],
    mutations: [visit, note],
    transport: httpTransport({
      url: '/sync',
      maxBatch: Number(query.get('batch') ?? 100),
      pageSize: Number(query.get('page') ?? 1_000),
    }),
    realtime: query.has('socket') ? webSocketChanges({ url: '/sync' }) : eventSourceChanges({ url: '/sync' }),
    pollMs: Number(query.get('poll') ?? 30_000),
    retry: { baseMs: 5, capMs: 50, spreadMs: 0 },
    // Fifty lost answers in a row are the point of a test, not an illness of the server.
    breaker: { failures: 1_000 },
  });
}
