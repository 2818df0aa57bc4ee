import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { describe, expect, test, vi } from 'vitest';
import { dexieStorage } from '../../src/adapters/dexieStorage.js';
import { createMemoryDisk, memoryStorage } from '../../src/adapters/memoryStorage.js';
import type { SyncStorage } from '../../src/engine/ports.js';
import { CRASH_POINTS, crashingStorage, type CrashPoint } from '../../src/testing/crashingStorage.js';
import { runStorageContract } from '../../src/testing/storageContract.js';
import { mutation } from '../../src/testing/storageSamples.js';

const contractDisk = createMemoryDisk();
runStorageContract(
  'memory behind a crashing storage that does not crash',
  () => crashingStorage({ storage: memoryStorage({ disk: contractDisk }) }),
  { describe, test, expect },
);

/** Whether a promise has settled once everything that can happen has happened. */
async function settles(promise: Promise<unknown>): Promise<boolean> {
  const settled = vi.fn();
  promise.then(settled, settled);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return settled.mock.calls.length > 0;
}

const disks: Record<string, () => () => SyncStorage> = {
  memory: () => {
    const disk = createMemoryDisk();
    return () => memoryStorage({ disk });
  },
  'Dexie on fake-indexeddb': () => {
    const indexedDB = new IDBFactory();
    return () => dexieStorage({ indexedDB, IDBKeyRange });
  },
};

describe.each(Object.entries(disks))('a crash in a write to %s', (_, createDisk) => {
  const stored: Record<CrashPoint, string[]> = {
    before: ['first'],
    uncommitted: ['first'],
    unanswered: ['first', 'second'],
  };

  test.each(CRASH_POINTS)('OB1 %s: no answer ever, and on the disk what was committed', async (point) => {
    const instance = createDisk();
    const onCrash = vi.fn();
    const dying = crashingStorage({
      storage: instance(),
      at: (write) => (write === 1 ? point : undefined),
      onCrash,
    });
    await dying.open('x');
    await dying.write({ append: [[mutation('first')]] });
    const second = dying.write({ append: [[mutation('second')]] });
    expect(await settles(second)).toBe(false);
    expect([dying.crashed, onCrash.mock.calls.length]).toEqual([true, 1]);

    for (const later of [dying.write({}), dying.load(), dying.open('x'), dying.close(), dying.destroy()])
      expect(await settles(later)).toBe(false);

    const next = instance();
    await next.open('x');
    const { log } = await next.load();
    expect(log.flatMap((record) => record.mutations.map((m) => m.token))).toEqual(stored[point]);
  });

  test('OB1 a crash at any time: what is under way is not answered either', async () => {
    const instance = createDisk();
    const dying = crashingStorage({ storage: instance() });
    await dying.open('x');
    const [writing, loading] = [dying.write({ append: [[mutation('a')]] }), dying.load()];
    dying.crash();
    expect(await settles(writing)).toBe(false);
    expect(await settles(loading)).toBe(false);
    const failing = crashingStorage({ storage: instance() });
    await failing.open('x');
    const rejecting = failing.write({ put: { meta: [{ key: 'k', value: () => undefined }] } });
    failing.crash();
    expect(await settles(rejecting)).toBe(false);
  });
});

test('a storage that accepts what cannot be cloned is told apart from one that rolls back', async () => {
  const careless: SyncStorage = {
    ...memoryStorage(),
    write: () => Promise.resolve({ revision: 1, seqs: [] }),
  };
  const dying = crashingStorage({ storage: careless, at: () => 'uncommitted' });
  await expect(dying.write({})).rejects.toThrow('structured clone');
});
