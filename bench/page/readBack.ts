/** How many records `store` has in the databases whose name contains `name`. */
export async function storedRecords(name: string, store: string): Promise<number> {
  let found = 0;
  for (const { name: database } of await indexedDB.databases()) {
    if (database?.includes(name) !== true) continue;
    const db = await answer(indexedDB.open(database));
    try {
      if (db.objectStoreNames.contains(store))
        found += await answer(db.transaction(store).objectStore(store).count());
    } finally {
      db.close();
    }
  }
  return found;
}

/**
 * Every edited title that is anywhere in the databases whose name contains `name`, by its number: read behind the
 * library's back, whatever it stores them in.
 */
export async function storedTitles(name: string): Promise<Set<number>> {
  const found = new Set<number>();
  for (const { name: database } of await indexedDB.databases()) {
    if (database?.includes(name) !== true) continue;
    const db = await answer(indexedDB.open(database));
    try {
      for (const store of db.objectStoreNames)
        collect(await answer(db.transaction(store).objectStore(store).getAll()), found);
    } finally {
      db.close();
    }
  }
  return found;
}

const EDITED = /Inspect the runway lights, edit (\d+)/g;

function collect(value: unknown, found: Set<number>): void {
  if (typeof value === 'string') for (const [, n] of value.matchAll(EDITED)) found.add(Number(n));
  else if (value instanceof Map) collect([...value], found);
  else if (typeof value === 'object' && value !== null)
    for (const part of Object.values(value)) collect(part, found);
}

export function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('request'));
  });
}
