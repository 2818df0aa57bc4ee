/** The order in which rows became known, which a confirmation does not change, nor the id that the server gives (ID1). */
export interface KnownOrder {
  /** The place of an id; one that is not known yet gets the last. */
  learn(id: string): number;
  forget(id: string): void;
  readonly place: (id: string) => number;
}

/** @param origin the id that a row was known by first: it keeps the place it had under that */
export function createKnownOrder(origin: (id: string) => string): KnownOrder {
  const places = new Map<string, number>();
  let next = 0;
  return {
    learn(id) {
      const known = places.get(id);
      if (known !== undefined) return known;
      const first = origin(id);
      const place = (first === id ? undefined : places.get(first)) ?? next++;
      places.set(id, place);
      return place;
    },
    forget: (id) => void places.delete(id),
    place: (id) => places.get(id) ?? next,
  };
}
