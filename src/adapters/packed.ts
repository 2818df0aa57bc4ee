/**
 * A value as it is stored: as JSON where that carries it unchanged, which browsers read and write several times as fast as
 * structured clone; anything else as it is (OB6).
 */
export type Packed<T> = { readonly json: string } | { readonly value: T };

export const pack = <T>(value: T): Packed<T> => (isJson(value) ? { json: JSON.stringify(value) } : { value });

/** Throws when it is damaged. */
export const unpack = <T>(packed: Packed<T>): T =>
  'value' in packed ? packed.value : (JSON.parse(packed.json) as T);

/**
 * A list whose items are on disk independently: a damaged one does not take the others with it (OB7).
 * @param toJson what JSON is to carry in the place of an item; undefined: it cannot carry it
 */
export function packList<T>(items: readonly T[], toJson: (item: T) => unknown): Packed<readonly T[]> {
  const values = items.map((item) => toJson(item));
  if (values.includes(undefined)) return { value: items };
  const last = items.length - 1;
  // The brackets are part of the first and the last line: put around the whole, it would be copied once more.
  const lines = values.map((value, i) => `${i > 0 ? '' : '['}${JSON.stringify(value)}${i < last ? '' : ']'}`);
  return { json: lines.join(SEPARATOR) || '[]' };
}

/** JSON has no raw line breaks: one between two items is a place to begin anew. */
const SEPARATOR = ',\n';

/** Items that cannot be read are given as the text that is there. */
export function unpackList<T>(
  packed: Packed<readonly T[]>,
  fromJson: (json: unknown) => unknown,
): readonly T[] {
  return 'value' in packed ? packed.value : (parsedList(packed.json).map(fromJson) as T[]);
}

function parsedList(json: string): unknown[] {
  try {
    return JSON.parse(json) as unknown[];
  } catch {
    return json.slice(1, -1).split(SEPARATOR).map(parsed);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const MAX_DEPTH = 64;

/** Whether JSON brings `value` back as it is, as far as structured clone would. */
export function isJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      return false;
    case 'object':
      break;
  }
  if (value === null) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    // Not `every`: it skips holes.
    for (let i = 0; i < value.length; i++) if (!isJson(value[i], depth + 1)) return false;
    return true;
  }
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) return false;
  // Not `Object.keys`: it makes a list each time. What is inherited is looked at, too, and is plain as well.
  for (const field in value) if (!isJson((value as Record<string, unknown>)[field], depth + 1)) return false;
  return true;
}

/** The same of a record, whose own fields may be undefined: absent, they mean the same. `apart` is not looked at. */
export function isJsonRecord(record: object, apart?: string): boolean {
  for (const field in record) {
    const value = (record as Record<string, unknown>)[field];
    if (value !== undefined && field !== apart && !isJson(value, 1)) return false;
  }
  return true;
}
