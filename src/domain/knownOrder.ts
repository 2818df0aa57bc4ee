/** The order in which rows became known, which a confirmation does not change, nor the id that the server gives (ID1). */
export interface KnownOrder {
  /** An id that is not known yet comes last. */
  learn(id: string): void;
  forget(id: string): void;
  readonly place: (id: string) => number;
}

/** @param origin the id that a row was known by first: it keeps the place it had under that */
export function createKnownOrder(origin: (id: string) => string): KnownOrder {
  const places = new Map<string, number>();
  let next = 0;
  return {
    learn(id) {
      if (!places.has(id)) places.set(id, places.get(origin(id)) ?? next++);
    },
    forget: (id) => void places.delete(id),
    place: (id) => places.get(id) ?? next,
  };
}
