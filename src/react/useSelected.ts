import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { sameValue } from '../domain/changes.js';
import { derived } from './derived.js';

/** Something outside React. Both reads return the same reference until something changed. */
export interface Source<S> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => S;
  /** What the server renders, and the browser once more while it hydrates. */
  readonly getServer: () => S;
}

/**
 * What `select` makes of a source. It re-renders only when that changed as data, and keeps its identity until then,
 * even when `select` is another function at every render.
 */
export function useSelected<S, T>(source: Source<S>, select: (from: S) => T): T {
  const [memory] = useState(createMemory<T>);
  const { get, getServer } = useMemo(
    () => ({
      get: derived(source.get, select, memory.keep),
      getServer: derived(source.getServer, select, memory.keep),
    }),
    [source, select, memory],
  );
  const value = useSyncExternalStore(source.subscribe, get, getServer);
  useEffect(() => memory.shown(value), [memory, value]);
  return value;
}

interface Memory<T> {
  readonly shown: (value: T) => void;
  readonly keep: (former: T | undefined, next: T) => T;
}

/** Remembers what was committed, which the result of another `select` may equal. */
function createMemory<T>(): Memory<T> {
  let last: T | undefined;
  return {
    shown(value) {
      last = value;
    },
    keep(former = last, next) {
      return former !== undefined && sameValue(former, next) ? former : next;
    },
  };
}
