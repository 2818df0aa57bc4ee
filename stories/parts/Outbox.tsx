import { type ReactNode } from 'react';
import {
  usePendingMutations,
  useSyncClient,
  useSyncStatus,
  type PendingMutationView,
  type PendingState,
} from '../../src/index.js';
import { describeMutation } from '../inspection/describeMutation.js';
import { useCountdown } from './useCountdown.js';

const STATES: Record<PendingState, string> = {
  saving: 'Saving',
  queued: 'Queued',
  delayed: 'Delayed',
  sending: 'Sending',
  waiting: 'Waiting',
  parked: 'Parked',
  needsAttention: 'Needs attention',
  conflict: 'In conflict',
};

function Entry({ mutation }: { readonly mutation: PendingMutationView }): ReactNode {
  const { token, state, sealed, failureCount, nextAttemptAt } = mutation;
  const client = useSyncClient();
  const online = useSyncStatus((status) => status.online);
  const seconds = useCountdown(online ? nextAttemptAt : undefined);
  const { airport, what } = describeMutation(mutation);
  const next = seconds === undefined ? '' : seconds === 0 ? ', next now' : `, next in ${seconds} s`;
  const tries = failureCount === 0 ? '' : `${failureCount} ${failureCount === 1 ? 'try' : 'tries'}${next}`;
  return (
    <li className="entry">
      <code className="entry-token" title={`Token ${token}`}>
        {token.slice(-6)}
      </code>
      <span className="entry-what" title={what}>
        <strong>{airport}</strong> {what}
      </span>
      <span className="entry-state">
        {STATES[state]}
        {tries !== '' && <small>{tries}</small>}
      </span>
      {sealed ? (
        <span
          className="entry-sealed"
          title="It was sent, so it may have reached the server: it can no longer be rolled back"
        >
          Sealed
        </span>
      ) : (
        <button
          type="button"
          className="button"
          data-kind="quiet"
          aria-label={`Roll back ${airport} ${what}`}
          onClick={() => void client.rollback(token).catch(() => undefined)}
        >
          Roll back
        </button>
      )}
    </li>
  );
}

/** What this device has not handed over yet. */
export function Outbox({ owner }: { readonly owner: string }): ReactNode {
  const all = usePendingMutations();
  const failed = useSyncStatus((status) => status.failed);
  const empty = failed === 0 ? 'Empty: the server has every edit.' : 'Empty: nothing waits to be sent.';
  // Those that wait for their user are shown where something can be done about them.
  const pending = all.filter(({ state }) => state !== 'needsAttention' && state !== 'conflict');
  return (
    <section className="tray" aria-label={`${owner}’s outbox`}>
      <h3>
        Outbox <span className="count">{pending.length === 0 ? empty : pending.length}</span>
      </h3>
      {pending.length > 0 && (
        <ul className="entries">
          {pending.map((mutation) => (
            <Entry key={mutation.token} mutation={mutation} />
          ))}
        </ul>
      )}
    </section>
  );
}
