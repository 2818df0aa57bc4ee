import { useState, type DependencyList } from 'react';

/** The `value` of the render in which `deps` changed last. */
export function useHeld<T>(value: T, deps: DependencyList): T {
  const [held, setHeld] = useState({ value, deps });
  if (held.deps.length === deps.length && deps.every((dep, i) => Object.is(dep, held.deps[i])))
    return held.value;
  setHeld({ value, deps });
  return value;
}
