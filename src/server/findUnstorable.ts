/** Why a value cannot be kept, and where. */
export interface Unstorable {
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
  readonly message: string;
}

/**
 * The first thing inside a parsed JSON value that the database could not give back unchanged: U+0000 (jsonb has
 * none), half a surrogate pair, a number beyond double precision's range, or nesting deeper than `maxDepth` (an
 * object or array counts 1).
 */
export function findUnstorable(value: unknown, maxDepth: number): Unstorable | undefined {
  return search(value, '', maxDepth);
}

function search(value: unknown, path: string, levelsLeft: number): Unstorable | undefined {
  if (typeof value === 'string') return inText(value, path);
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : { path, message: 'The number is out of range.' };
  if (typeof value !== 'object' || value === null) return undefined;
  if (levelsLeft === 0) return { path, message: 'The nesting is too deep.' };
  for (const [key, member] of Object.entries(value)) {
    const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const found = inText(key, at) ?? search(member, at, levelsLeft - 1);
    if (found) return found;
  }
  return undefined;
}

function inText(text: string, path: string): Unstorable | undefined {
  if (text.includes('\0')) return { path, message: 'The text contains U+0000, which cannot be stored.' };
  // with the u flag only lone halves match
  if (/\p{Surrogate}/u.test(text)) return { path, message: 'The text contains half a surrogate pair.' };
  return undefined;
}
