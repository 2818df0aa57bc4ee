import type { ReactNode } from 'react';
import { useDeadLetters, useSyncClient } from '../../src/index.js';
import { whyRefused } from '../inspection/whyRefused.js';
import { describeMutation } from '../inspection/describeMutation.js';

/** Dead letters: edits the server refused, kept until somebody has read why. */
export function Refused({ owner }: { readonly owner: string }): ReactNode {
  const client = useSyncClient();
  const letters = useDeadLetters().filter(({ conflict }) => conflict === undefined);
  if (letters.length === 0) return null;
  return (
    <section className="tray" data-kind="refused" aria-label={`${owner}’s refused edits`}>
      <h3>
        Refused <span className="count">{letters.length}</span>
      </h3>
      <ul className="entries">
        {letters.map((letter) => {
          const { token, error } = letter;
          const { airport, what } = describeMutation(letter);
          return (
            <li className="entry" key={token}>
              <code className="entry-token" title={`Token ${token}`}>
                {token.slice(-6)}
              </code>
              <span className="entry-what">
                <span title={what}>
                  <strong>{airport}</strong> {what}
                </span>
                <small>{whyRefused(error)}</small>
              </span>
              <button
                type="button"
                className="button"
                data-kind="quiet"
                aria-label={`Discard ${airport} ${what}`}
                onClick={() => void client.discard(token)}
              >
                Discard
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
