import { useRef, useState, type ReactNode } from 'react';
import { SyncError, useDeadLetters, useSyncClient, type DeadLetterView } from '../../src/index.js';
import { whyRefused } from '../inspection/whyRefused.js';
import { Letter, textOf, tokensOf, type LetterTree } from './Letter.js';
import { Newsline, type News } from './Newsline.js';
import { useFocusKept } from './useFocusKept.js';

/** Those first that were refused first, however often they were tried again. */
function inOrder(letters: readonly DeadLetterView[]): readonly DeadLetterView[] {
  const since = ({ history, refusedAt }: DeadLetterView): number => history[0]?.refusedAt ?? refusedAt;
  return [...letters].sort((a, b) => since(a) - since(b) || (a.token < b.token ? -1 : 1));
}

/** Each under what it waits for; what waits for nothing that is here stands by itself. */
function treesOf(letters: readonly DeadLetterView[]): readonly LetterTree[] {
  const here = new Set(letters.map(({ token }) => token));
  const grow = (letter: DeadLetterView): LetterTree => ({
    letter,
    dependents: letters.filter(({ causedBy }) => causedBy === letter.token).map(grow),
  });
  return letters.filter(({ causedBy }) => causedBy === undefined || !here.has(causedBy)).map(grow);
}

/** The refused edits of a device, and what became of those that were tried again. */
export function Letters({ owner }: { readonly owner: string }): ReactNode {
  const client = useSyncClient();
  const trees = treesOf(inOrder(useDeadLetters()));
  const [news, setNews] = useState<News>();
  const whole = useRef<HTMLElement>(null);
  const tokens = trees.map(({ letter }) => letter.token);
  const { onFocus, onBlur } = useFocusKept(whole, tokens);

  function retry(letter: DeadLetterView, edited?: unknown): void {
    const { acknowledged } = client.retry(letter.token, edited);
    const what = textOf({ ...letter, variables: edited ?? letter.variables });
    setNews({ icon: 'up', tone: 'busy', text: `On its way: ${what}` });
    acknowledged.then(
      () => setNews({ icon: 'check', tone: 'calm', text: `Accepted: ${what}` }),
      (error: unknown) =>
        setNews({
          icon: 'stop',
          tone: 'alarm',
          text: `Refused again: ${error instanceof SyncError ? whyRefused(error) : what}`,
        }),
    );
  }

  function discard(tree: LetterTree): void {
    const leaving = tokensOf(tree);
    const more = leaving.length === 1 ? '' : `, and ${leaving.length - 1} that waited for it`;
    setNews({ icon: 'cut', tone: 'kept', text: `Discarded: ${textOf(tree.letter)}${more}` });
    // What waits goes first, so that nothing is ever shown without what it waits for.
    for (const token of leaving.toReversed()) void client.discard(token);
  }

  return (
    <section
      className="letters"
      aria-label={`${owner}’s refused edits`}
      ref={whole}
      onFocus={onFocus}
      onBlur={onBlur}
    >
      <Newsline news={news} />
      {trees.length === 0 ? (
        <p className="letters-empty" tabIndex={-1} data-focus>
          Nothing to repair: the server has refused nothing that is still here.
        </p>
      ) : (
        <ul>
          {trees.map((tree) => (
            <Letter key={tree.letter.token} tree={tree} retry={retry} discard={discard} />
          ))}
        </ul>
      )}
    </section>
  );
}
