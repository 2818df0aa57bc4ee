import { describe, expect, test } from 'vitest';
import { dexieStorage } from '../../src/adapters/dexieStorage.js';
import type { SyncStorage } from '../../src/engine/ports.js';
import { runStorageContract } from '../../src/testing/storageContract.js';

runStorageContract('Dexie in Chromium', () => dexieStorage(), { describe, test, expect });

/** A part of the origin's storage with a quota of its own; lib.dom does not know it yet. */
interface StorageBuckets {
  open(name: string, options: { quota: number }): Promise<{ readonly indexedDB: IDBFactory }>;
  delete(name: string): Promise<void>;
}

async function opened(): Promise<SyncStorage> {
  const storage = dexieStorage();
  await storage.open(crypto.randomUUID());
  return storage;
}

/** Bytes that no storage engine compresses. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

test('OB9 a full disk is a STORAGE error with the reason quota, and nothing is half stored', async () => {
  const { storageBuckets } = navigator as unknown as { storageBuckets: StorageBuckets };
  const name = crypto.randomUUID();
  const { indexedDB } = await storageBuckets.open(name, { quota: 3_000_000 });
  const storage = dexieStorage({ indexedDB });
  await storage.open(name);
  await storage.write({ put: { meta: [{ key: 'before', value: 1 }] } });
  const chunks = Array.from({ length: 8 }, (_, i) => ({ key: `chunk ${i}`, value: noise(1_000_000) }));
  await expect(
    storage.write({ append: [[], []], put: { meta: chunks }, remove: { seals: ['s'] } }),
  ).rejects.toMatchObject({ code: 'STORAGE', details: { reason: 'quota' } });
  const state = await storage.load();
  expect([state.revision, state.log, state.meta]).toEqual([1, [], [{ key: 'before', value: 1 }]]);
  await storage.destroy();
  await storageBuckets.delete(name);
});

test('OB6 a Blob survives, as an offline photo must', async () => {
  const storage = await opened();
  await storage.write({
    put: { meta: [{ key: 'photo', value: new Blob(['pixels'], { type: 'image/png' }) }] },
  });
  const photo = (await storage.load()).meta[0]?.value as Blob;
  expect([photo.type, await photo.text()]).toEqual(['image/png', 'pixels']);
  await storage.destroy();
});
