import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { describe, expect, test } from 'vitest';
import { dexieStorage } from '../../src/adapters/dexieStorage.js';
import { runStorageContract } from '../../src/testing/storageContract.js';

const indexedDB = new IDBFactory();
runStorageContract('Dexie on fake-indexeddb', () => dexieStorage({ indexedDB, IDBKeyRange }), {
  describe,
  test,
  expect,
});
