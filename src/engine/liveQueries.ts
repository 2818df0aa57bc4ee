import type { AnyCollection } from '../domain/collection.js';
import { queryKey, select, type Query } from '../domain/query.js';
import type { Store } from './store.js';
import type { CollectionView } from './table.js';

/** Answers queries; an answer keeps its identity until its rows change. */
export interface LiveQueries {
  run<T>(collection: AnyCollection, query: Query<T>): readonly T[];
}

interface Answer {
  seen: CollectionView;
  rows: readonly unknown[];
}

/** So many different queries per collection are remembered; the one asked for longest ago goes first. */
const REMEMBERED = 100;

export function createLiveQueries(store: Store): LiveQueries {
  const answers = new Map<string, Map<string, Answer>>();
  return {
    run<T>(collection: AnyCollection, query: Query<T>): readonly T[] {
      const view = store.view(collection.name);
      const key = queryKey(query as Query<never>);
      if (key === undefined) return select(view.entries() as Iterable<[string, T]>, query);
      const known = answers.get(collection.name) ?? new Map<string, Answer>();
      answers.set(collection.name, known);
      const former = known.get(key);
      known.delete(key);
      const answer =
        former?.seen === view
          ? former
          : {
              seen: view,
              rows: keepIdentity(former?.rows, select(view.entries() as Iterable<[string, T]>, query)),
            };
      known.set(key, answer);
      if (known.size > REMEMBERED) for (const oldest of known.keys()) if (known.delete(oldest)) break;
      return answer.rows as readonly T[];
    },
  };
}

/** `former` when it holds the same rows as `next`: then nobody re-renders. */
export function keepIdentity<T>(former: readonly T[] | undefined, next: readonly T[]): readonly T[] {
  return former?.length === next.length && next.every((row, i) => row === former[i]) ? former : next;
}
