import type { Table } from 'dexie';

/** Hears of what could not be read. */
export type Report = (key: unknown, cause: unknown) => void;

/**
 * A bulk read fails as a whole for one damaged record, or for too much data at once: then each record is read by
 * itself, and only the damaged ones are missing (OB7).
 */
export async function readAll<T, K, I>(table: Table<T, K, I>, report: Report): Promise<T[]> {
  try {
    return await table.toArray();
  } catch {
    return readEach(table, await table.toCollection().primaryKeys(), report);
  }
}

/** Those of `keys` that are there. */
export async function readSome<T, K, I>(
  table: Table<T, K, I>,
  keys: readonly K[],
  report: Report,
): Promise<T[]> {
  if (keys.length === 0) return [];
  try {
    return (await table.bulkGet([...keys])).flatMap((record) => record ?? []);
  } catch {
    return readEach(table, keys, report);
  }
}

/**
 * Visits the records of `keys`, in this order, within the transaction. What is large comes so many records at a time, each
 * time in a task of its own; the browser reads on meanwhile.
 * @param all whether these are all keys from the first to the last
 */
export async function visitEach<T, I>(
  table: Table<T, number, I>,
  keys: readonly number[],
  { all, atOnce, report }: { readonly all: boolean; readonly atOnce: number; readonly report: Report },
  visit: (record: T) => void,
): Promise<void> {
  const read = async (part: readonly number[]): Promise<T[]> => {
    if (!all) return readSome(table, part, report);
    try {
      return await table.where(':id').between(part[0], part.at(-1), true, true).toArray();
    } catch {
      return readEach(table, part, report);
    }
  };
  let visited: Promise<unknown> = Promise.resolve();
  for (let i = 0; i < keys.length; i += atOnce) {
    const reading = read(keys.slice(i, i + atOnce));
    visited = Promise.all([reading, visited]).then(([records]) => records.forEach(visit));
  }
  await visited;
}

async function readEach<T, K, I>(table: Table<T, K, I>, keys: readonly K[], report: Report): Promise<T[]> {
  const found: T[] = [];
  for (const key of keys) {
    try {
      const record = await table.get(key);
      if (record !== undefined) found.push(record);
    } catch (cause) {
      report(key, cause);
    }
  }
  return found;
}
