import { useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import {
  SyncError,
  useConflicts,
  useSyncClient,
  type ConflictView,
  type Resolution,
} from '../../src/index.js';
import { whyRefused } from '../inspection/whyRefused.js';
import { Conflict, titleOf } from './Conflict.js';
import { Newsline, type News } from './Newsline.js';
import { useFocusKept } from './useFocusKept.js';

/** The conflicts of a device that wait for its user, and what became of those that were decided. */
export function Conflicts({ owner }: { readonly owner: string }): ReactNode {
  const client = useSyncClient();
  const conflicts = useConflicts();
  const [news, setNews] = useState<News>();
  const whole = useRef<HTMLElement>(null);
  const { onFocus, onBlur } = useFocusKept(
    whole,
    conflicts.map(({ id }) => id),
  );

  function resolve(conflict: ConflictView, resolution: Resolution): void {
    const what = titleOf(conflict);
    const { acknowledged } = client.resolve(conflict.id, resolution);
    setNews({ icon: 'up', tone: 'busy', text: `On its way: ${what}` });
    acknowledged.then(
      () => setNews({ icon: 'check', tone: 'calm', text: `Decided: ${what}` }),
      (error: unknown) => {
        const isAsked = error instanceof SyncError && error.code === 'CONFLICT';
        const why = error instanceof SyncError && !isAsked ? whyRefused(error) : `they wrote again, ${what}`;
        setNews({ icon: 'flag', tone: 'alarm', text: isAsked ? `Asked again: ${why}` : `Refused: ${why}` });
      },
    );
  }

  function onKeyDown(event: KeyboardEvent): void {
    const step = { j: 1, k: -1 }[event.key];
    const { target, ctrlKey, metaKey, altKey } = event;
    if (step === undefined || ctrlKey || metaKey || altKey || !(target instanceof HTMLElement)) return;
    if (target.matches('input:not([type=radio]), select')) return;
    const entries = [...(whole.current?.querySelectorAll<HTMLElement>('[data-entry]') ?? [])];
    const at = entries.findIndex((entry) => entry.contains(target));
    entries[at + step]?.querySelector<HTMLElement>('[data-focus]')?.focus();
  }

  return (
    <section
      className="letters"
      aria-label={`${owner}’s conflicts`}
      ref={whole}
      onFocus={onFocus}
      onBlur={onBlur}
      onKeyDown={onKeyDown}
    >
      <Newsline news={news} />
      {conflicts.length === 0 ? (
        <p className="letters-empty" tabIndex={-1} data-focus>
          Nothing to decide: nobody has changed what {owner} has changed.
        </p>
      ) : (
        <>
          <p className="keys">
            <span className="visually-hidden">Keys inside a conflict: </span>
            <span>
              <kbd>↑</kbd> <kbd>↓</kbd> choose
            </span>
            <span>
              <kbd>M</kbd> mine
            </span>
            <span>
              <kbd>T</kbd> theirs
            </span>
            <span>
              <kbd>Enter</kbd> keep
            </span>
            <span>
              <kbd>J</kbd> <kbd>K</kbd> next, previous
            </span>
          </p>
          <ul>
            {conflicts.map((conflict) => (
              <Conflict key={conflict.id} conflict={conflict} resolve={resolve} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
