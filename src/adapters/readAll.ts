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
