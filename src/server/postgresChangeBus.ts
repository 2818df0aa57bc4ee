import type { ChangeBus } from './changeBus.js';
import type { Database } from './database.js';

const CHANNEL = 'holdfast_change';
const NOTIFY = 'SELECT pg_notify($1, scope) FROM unnest($2::text[]) AS scope';

/** LISTEN and NOTIFY of the database itself: one more session per instance, and nothing else to run. */
export function postgresChangeBus(database: Database): ChangeBus {
  return {
    async publish(scopes) {
      await database.query(NOTIFY, [CHANNEL, scopes]);
    },
    subscribe: (listener) =>
      database.listen(CHANNEL, {
        onMessage: (scope) => listener.onChange([scope]),
        onReconnect: () => listener.onReconnect(),
      }),
  };
}
