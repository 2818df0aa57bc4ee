/** Reads a database behind the library's back. */
export function openDatabase(name: string): { all(store: string): Promise<unknown[]> } {
  return {
    async all(store) {
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error('open'));
      });
      try {
        return await new Promise((resolve, reject) => {
          const request = db.transaction(store).objectStore(store).getAll();
          request.onsuccess = () => resolve(request.result as unknown[]);
          request.onerror = () => reject(request.error ?? new Error('getAll'));
        });
      } finally {
        db.close();
      }
    },
  };
}
