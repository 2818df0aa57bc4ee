import { keyOf, sameValue } from '../domain/changes.js';
import { upToDate, type Conflict } from '../domain/conflict.js';
import type { BaseRow, EntityKey } from '../domain/entity.js';
import type { DeadLetter, Token } from '../domain/mutation.js';
import {
  deriveEntityStatus,
  deriveStatus,
  type EntityStatus,
  type StatusFacts,
  type SyncStatus,
} from '../domain/status.js';
import type { Watchable } from './client.js';
import {
  lettersInConflict,
  matchesConflict,
  viewConflict,
  type ConflictFilter,
  type ConflictView,
} from './conflictView.js';
import {
  matchesLetter,
  viewDeadLetter,
  type DeadLetterFilter,
  type DeadLetterView,
} from './deadLetterView.js';
import { deadLettersOf, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import { matches, viewPending, type PendingFilter, type PendingMutationView } from './pendingView.js';
import type { Clock } from './ports.js';
import type { Store } from './store.js';
import { createTopics } from './topics.js';

/** Derives what is told about the ledger, and tells when it may have changed: once per tick, however much changed. */
export interface Reporter {
  readonly status: Watchable<SyncStatus>;
  entityStatus(key: EntityKey): EntityStatus;
  readonly pending: (filter?: PendingFilter) => readonly PendingMutationView[];
  readonly deadLetters: (filter?: DeadLetterFilter) => readonly DeadLetterView[];
  readonly conflicts: (filter?: ConflictFilter) => readonly ConflictView[];
  readonly watch: (listener: () => void) => () => void;
  readonly changed: () => void;
  /** Resolves when none of `tokens` is pending any more, or nobody waits for it any more. */
  settled(tokens: Iterable<Token>, signal?: AbortSignal): Promise<void>;
  /** Lets a message through once per first argument. */
  once<A extends unknown[]>(tell: (what: string, ...rest: A) => void): (what: string, ...rest: A) => void;
}

export interface ReporterOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly clock: Clock;
  readonly facts: () => Omit<
    StatusFacts,
    'pending' | 'sending' | 'held' | 'conflicts' | 'failed' | 'needsAttention' | 'lastSyncedAt'
  >;
  readonly failed: (error: unknown) => void;
}

export function createReporter({ ledger, store, clock, facts, failed }: ReporterOptions): Reporter {
  const topics = createTopics<undefined>(failed);
  let status: SyncStatus | undefined;
  let views: readonly PendingMutationView[] | undefined;
  let letters: readonly DeadLetterView[] | undefined;
  let conflicts: readonly ConflictView[] | undefined;
  let scheduled = false;
  /** A letter is replaced, never changed. */
  const letterViews = new WeakMap<DeadLetter, DeadLetterView>();
  /** With the base rows it was made of: as long as those are, it is the same. */
  const conflictViews = new WeakMap<
    Conflict,
    { readonly of: readonly (BaseRow | undefined)[]; readonly view: ConflictView }
  >();
  function changed(): void {
    views = letters = conflicts = undefined;
    if (scheduled || topics.size === 0) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      topics.publish('mutations', undefined);
    });
  }

  function readStatus(): SyncStatus {
    const { pending, sending, held, needsAttention } = ledger.tally;
    const next = deriveStatus({
      ...facts(),
      pending: pending + sending + held,
      sending,
      held,
      needsAttention,
      failed: ledger.deadLetters.size,
      conflicts: ledger.deadLetters.size === 0 ? 0 : allConflicts().length,
      lastSyncedAt: ledger.syncedAt,
    });
    return status !== undefined && sameValue(status, next) ? status : (status = next);
  }

  function viewedLetter(letter: DeadLetter): DeadLetterView {
    const view = letterViews.get(letter) ?? viewDeadLetter(letter);
    letterViews.set(letter, view);
    return view;
  }

  function viewedConflict(conflict: Conflict): ConflictView {
    const of = conflict.rows.map((row) => store.base(keyOf(row)));
    const known = conflictViews.get(conflict);
    if (known?.of.every((base, i) => base === of[i]) === true) return known.view;
    const view = viewConflict({ ...conflict, rows: upToDate(conflict.rows, store.base) });
    conflictViews.set(conflict, { of, view });
    return view;
  }

  const allConflicts = (): readonly ConflictView[] =>
    (conflicts ??= lettersInConflict(ledger.deadLetters.values()).flatMap(({ conflict }) =>
      conflict === undefined ? [] : viewedConflict(conflict),
    ));

  const viewed = (mutation: PendingMutation): PendingMutationView =>
    (mutation.view ??= viewPending(mutation, clock));

  /** Those that `filter` can be among: one, when it names a token, whatever else is pending (ST7). */
  function candidates({ token }: PendingFilter): readonly PendingMutationView[] {
    if (token === undefined) return all();
    const mutation = ledger.pending.get(token);
    return mutation === undefined ? [] : [viewed(mutation)];
  }

  const all = (): readonly PendingMutationView[] => (views ??= [...ledger.pending.values()].map(viewed));

  return {
    status: { get: readStatus, subscribe: (listener) => topics.subscribe('mutations', listener) },
    entityStatus(key) {
      const writers = store
        .pendingOn(key)
        .filter((m) => m.effect.changes.some((change) => keyOf(change) === key));
      return deriveEntityStatus(
        new Set(writers.map((m) => m.standing)),
        ledger.deadLetters.size > 0 && deadLettersOf(ledger, key).length > 0,
      );
    },
    pending: (filter) =>
      filter === undefined ? all() : candidates(filter).filter((view) => matches(view, filter, ledger.ids)),
    deadLetters(filter) {
      letters ??= [...ledger.deadLetters.values()].map(viewedLetter);
      return filter === undefined
        ? letters
        : letters.filter((letter) => matchesLetter(letter, filter, ledger.ids));
    },
    conflicts: (filter) =>
      filter === undefined
        ? allConflicts()
        : allConflicts().filter((conflict) => matchesConflict(conflict, filter, ledger.ids)),
    watch: (listener) => topics.subscribe('mutations', listener),
    changed,
    settled: (tokens, signal) =>
      new Promise((resolve) => {
        const open = [...tokens].reverse();
        const check = (): void => {
          // From the first on, as far as they have settled: the others need no look.
          for (let token = open.at(-1); token !== undefined; token = open.at(-1)) {
            if (signal?.aborted !== true && ledger.pending.get(token)?.undecided === true) return;
            open.pop();
          }
          stop();
          signal?.removeEventListener('abort', check);
          resolve();
        };
        const stop = topics.subscribe('mutations', check);
        signal?.addEventListener('abort', check);
        check();
      }),
    once(tell) {
      const told = new Set<string>();
      return (what, ...rest) => {
        if (told.has(what)) return;
        told.add(what);
        tell(what, ...rest);
      };
    },
  };
}
