import { useId, useRef, useState, type KeyboardEvent, type ReactNode, type SubmitEvent } from 'react';
import {
  SyncError,
  usePendingMutations,
  type ConflictRowView,
  type ConflictView,
  type Resolution,
} from '../../src/index.js';
import {
  pickOf,
  questionsOf,
  resolutionOf,
  theirsOf,
  type Picks,
  type Question,
  type Side,
} from '../inspection/decide.js';
import { describeMutation } from '../inspection/describeMutation.js';
import { fieldLabel, fieldText, listed, whenText } from '../inspection/fieldText.js';
import type { Airport } from '../inspection/model.js';
import { Choice } from './Choice.js';
import { Icon } from './Icon.js';
import { Plate } from './Plate.js';

/** What a conflict is about, e.g. `BED Note and Status`. */
export function titleOf(conflict: ConflictView): string {
  const questions = questionsOf(conflict);
  const ids = [...new Set(conflict.rows.map(({ id }) => id))];
  const fields = [...new Set(questions.map(({ field }) => (field ? fieldLabel(field.field) : 'deleted')))];
  return `${ids.join(', ')} ${listed(fields)}`.trim();
}

/** What only one side has changed needs no decision. */
function Merged({ row }: { readonly row: ConflictRowView }): ReactNode {
  if (row.mine === undefined || row.theirs === undefined) return null;
  const free = row.diff.filter(({ contested }) => !contested);
  if (free.length === 0) return null;
  return (
    <p className="conflict-merged">
      <Icon name="check" />
      <span>
        Merges by itself:{' '}
        {free.map(({ field, base, mine, theirs }, i) => {
          const isTheirs = JSON.stringify(base) === JSON.stringify(mine);
          return (
            <span key={field}>
              {i > 0 && ', '}
              {fieldLabel(field)} <b>{fieldText(isTheirs ? theirs : mine) ?? 'empty'}</b> (
              {isTheirs ? 'theirs' : 'mine'})
            </span>
          );
        })}
      </span>
    </p>
  );
}

/** Edits of the same rows, made later: they go when this is decided. */
function Waiting({ conflict }: { readonly conflict: ConflictView }): ReactNode {
  const pending = usePendingMutations();
  const rows = new Set(conflict.rows.map(({ collection, id }) => `${collection}/${id}`));
  const waiting = pending.filter(
    ({ token, entities }) =>
      !conflict.tokens.includes(token) &&
      entities.some(({ collection, id }) => rows.has(`${collection}/${id}`)),
  );
  if (waiting.length === 0) return null;
  return (
    <div className="conflict-waiting">
      <p>
        <Icon name="hourglass" />
        {waiting.length === 1
          ? 'One later edit waits for this:'
          : `${waiting.length} later edits wait for this:`}
      </p>
      <ul className="waiting">
        {waiting.map((mutation) => (
          <li key={mutation.token}>{describeMutation(mutation).what}</li>
        ))}
      </ul>
    </div>
  );
}

export interface ConflictProps {
  readonly conflict: ConflictView;
  /** Throws what `client.resolve` throws. */
  readonly resolve: (conflict: ConflictView, resolution: Resolution) => void;
}

/** One conflict: what each side has made of a row, and what is to stay. */
export function Conflict({ conflict, resolve }: ConflictProps): ReactNode {
  const [picks, setPicks] = useState<Picks>({});
  const [problem, setProblem] = useState<string>();
  const form = useRef<HTMLFormElement>(null);
  const titleId = useId();
  const questions = questionsOf(conflict);
  const open = questions.filter((question) => pickOf(question, picks) === undefined);
  const outdated = questions.filter(
    ({ key }) => picks[key] !== undefined && open.some((one) => one.key === key),
  );
  const title = titleOf(conflict);
  const keep = questions.length === 0 ? 'Done' : 'Keep what is chosen';
  const theirsAt = Math.max(...conflict.rows.map((row) => row.theirsAt ?? 0));

  const pickEverywhere = (side: Side): void =>
    setPicks(Object.fromEntries(questions.map((one) => [one.key, { side, theirs: theirsOf(one) }])));

  function decide(resolution: Resolution): void {
    try {
      resolve(conflict, resolution);
    } catch (error) {
      setProblem(error instanceof SyncError ? error.message : String(error));
    }
  }

  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    if (open.length === 0) {
      decide(resolutionOf(conflict, questions, picks));
      return;
    }
    setProblem(`Choose first what stays: ${listed(open.map(nameOf))}.`);
    const [first] = open;
    const at = first === undefined ? 0 : questions.indexOf(first);
    form.current?.querySelectorAll('fieldset')[at]?.querySelector('input')?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    const { key, target } = event;
    const isText = target instanceof HTMLElement && target.matches('input:not([type=radio]), select');
    if (isText || event.ctrlKey || event.metaKey || event.altKey || event.nativeEvent.isComposing) return;
    const isButton = target instanceof HTMLElement && target.matches('button');
    if (key === 'm') pickEverywhere('mine');
    else if (key === 't') pickEverywhere('theirs');
    else if (key === 'Enter' && !isButton) form.current?.requestSubmit();
    else return;
    event.preventDefault();
  }

  return (
    <li className="conflict" data-entry={conflict.id}>
      <article aria-labelledby={titleId} onKeyDown={onKeyDown}>
        <h3 id={titleId} tabIndex={-1} data-focus>
          {conflict.rows.map(({ id, base, mine, theirs }) => {
            const { status = 'open', name = id } = (theirs ?? mine ?? base ?? {}) as Partial<Airport>;
            return (
              <span className="conflict-row" key={id}>
                <Plate code={id} status={status} />
                {name}
              </span>
            );
          })}
          <span className="visually-hidden">: {questions.length === 0 ? 'nothing contested' : title}</span>
        </h3>
        <p className="conflict-when">
          Asked {whenText(conflict.askedAt)}
          {theirsAt > 0 && `; theirs was written ${whenText(theirsAt)}`}
        </p>
        <form className="conflict-form" ref={form} onSubmit={onSubmit} noValidate>
          {questions.map((question) => (
            <Choice
              key={question.key}
              question={question}
              pick={pickOf(question, picks)}
              missed={problem !== undefined && open.includes(question)}
              onPick={(pick) => {
                setPicks({ ...picks, [question.key]: pick });
                setProblem(undefined);
              }}
            />
          ))}
          {questions.length === 0 && (
            <p className="conflict-agree">Nothing is contested any more: there is nothing left to choose.</p>
          )}
          {conflict.rows.map((row) => (
            <Merged key={row.id} row={row} />
          ))}
          <Waiting conflict={conflict} />
          {outdated.length > 0 && (
            <p className="letter-problem" role="alert">
              They have written again: choose once more, {listed(outdated.map(nameOf))}.
            </p>
          )}
          {problem !== undefined && (
            <p className="letter-problem" role="alert">
              {problem}
            </p>
          )}
          <div className="letter-actions">
            <button type="submit" className="button" data-kind="main" aria-label={`${keep}: ${title}`}>
              {keep}
            </button>
            {questions.length > 0 &&
              (['mine', 'theirs'] as const).map((side) => (
                <button
                  key={side}
                  type="button"
                  className="button"
                  aria-label={`All ${side}: ${title}`}
                  onClick={() => decide(side)}
                >
                  All {side}
                </button>
              ))}
          </div>
        </form>
      </article>
    </li>
  );
}

const nameOf = ({ field, row }: Question): string => (field ? fieldLabel(field.field) : row.id);
