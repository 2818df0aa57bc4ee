/**
 * `compute` of what `read` returns, done again only when that is another reference. `keep` may return the former result
 * in place of an equal new one: React asks for a snapshot at every render and expects the same reference.
 */
export function derived<S, T>(
  read: () => S,
  compute: (from: S) => T,
  keep: (former: T | undefined, next: T) => T,
): () => T {
  let known: { readonly from: S; readonly result: T } | undefined;
  return () => {
    const from = read();
    if (known === undefined || !Object.is(known.from, from))
      known = { from, result: keep(known?.result, compute(from)) };
    return known.result;
  };
}
