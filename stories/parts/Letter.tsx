import { useId, type ReactNode } from 'react';
import { useEntity, type DeadLetterView, type Token } from '../../src/index.js';
import { describeMutation } from '../inspection/describeMutation.js';
import { whenText } from '../inspection/fieldText.js';
import { airports } from '../inspection/model.js';
import { whyRefused } from '../inspection/whyRefused.js';
import { Icon } from './Icon.js';
import { LetterForm } from './LetterForm.js';
import { Plate } from './Plate.js';

/** A dead letter, and those that were refused only because of it. */
export interface LetterTree {
  readonly letter: DeadLetterView;
  readonly dependents: readonly LetterTree[];
}

/** Every token of a tree, in the order it is shown. */
export const tokensOf = ({ letter, dependents }: LetterTree): readonly Token[] => [
  letter.token,
  ...dependents.flatMap(tokensOf),
];

export const textOf = (letter: DeadLetterView): string => {
  const { airport, what } = describeMutation(letter);
  return `${airport} ${what}`.trim();
};

function Attempts({ letter: { error, refusedAt, history } }: { readonly letter: DeadLetterView }): ReactNode {
  const attempts = [...history, { error, refusedAt }];
  if (attempts.length === 1) return <p className="letter-when">Refused {whenText(refusedAt)}</p>;
  return (
    <details className="letter-attempts">
      <summary>
        Refused {attempts.length} times, last {whenText(refusedAt)}
      </summary>
      <ol>
        {attempts.map((attempt, i) => (
          <li key={i}>
            <time dateTime={new Date(attempt.refusedAt).toISOString()}>{whenText(attempt.refusedAt)}</time>{' '}
            {whyRefused(attempt.error)}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** It comes back with its cause, so there is nothing to do about it but to read it. */
function Dependent({ tree, cause }: { readonly tree: LetterTree; readonly cause: string }): ReactNode {
  const { what } = describeMutation(tree.letter);
  return (
    <li>
      <span className="waiting-what">{what}</span>
      <small>waits for {cause}</small>
      {tree.dependents.length > 0 && <Dependents trees={tree.dependents} cause={what} />}
    </li>
  );
}

function Dependents({
  trees,
  cause,
}: {
  readonly trees: readonly LetterTree[];
  readonly cause: string;
}): ReactNode {
  return (
    <ul className="waiting">
      {trees.map((tree) => (
        <Dependent key={tree.letter.token} tree={tree} cause={cause} />
      ))}
    </ul>
  );
}

export interface LetterProps {
  readonly tree: LetterTree;
  readonly retry: (letter: DeadLetterView, editedVariables?: unknown) => void;
  readonly discard: (tree: LetterTree) => void;
}

/** One refused edit: what it was, why it was refused, and what can be done about it. */
export function Letter({ tree, retry, discard }: LetterProps): ReactNode {
  const { letter, dependents } = tree;
  const { airport, what } = describeMutation(letter);
  const status = useEntity(airports, airport, (one) => one.status) ?? 'open';
  const titleId = useId();
  return (
    <li className="letter" data-entry={letter.token} data-held={letter.needsAttention}>
      <article aria-labelledby={titleId}>
        <h3 id={titleId} tabIndex={-1} data-focus>
          {airport !== '' && <Plate code={airport} status={status} />}
          <span>{what}</span>
        </h3>
        <p className="letter-why">
          <span className="visually-hidden">The server says: </span>
          {whyRefused(letter.error)}
        </p>
        {letter.mayHaveArrived && (
          <p className="letter-note">
            It may have been carried out: as it is, it is sent under the same key.
          </p>
        )}
        {letter.needsAttention && (
          <p className="letter-note">
            <Icon name="flag" />
            Needs attention: it still stands in its row.
          </p>
        )}
        <Attempts letter={letter} />
        {dependents.length > 0 && <Dependents trees={dependents} cause={what} />}
        <LetterForm
          key={letter.history.length}
          letter={letter}
          what={textOf(letter)}
          waiting={tokensOf(tree).length - 1}
          retry={(edited) => retry(letter, edited)}
          discard={() => discard(tree)}
        />
      </article>
    </li>
  );
}
