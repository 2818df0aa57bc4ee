import { start } from '../../page/start.ts';

const noLive = 'it has no query with filter, sort and limit that is kept up to date';

start([
  {
    name: 'TanStack DB + offline-transactions',
    load: async () => (await import('./tanstack-db.mjs')).default,
  },
  {
    name: 'TanStack Query persisted',
    without: { live: noLive },
    load: async () => (await import('./tanstack-query.mjs')).default,
  },
  {
    name: 'Legend-State',
    without: { live: noLive },
    load: async () => (await import('./legend-state.mjs')).default,
  },
  {
    name: 'RxDB',
    without: {
      heap: 'its rows are on disk',
      refused: 'it sends documents; a server can answer with a conflict, not refuse one of several edits',
    },
    load: async () => (await import('./rxdb.mjs')).default,
  },
  {
    name: 'Replicache',
    without: { live: noLive },
    load: async () => (await import('./replicache.mjs')).default,
  },
]);
