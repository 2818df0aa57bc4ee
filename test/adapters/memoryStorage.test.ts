import { describe, expect, test } from 'vitest';
import { createMemoryDisk, memoryStorage } from '../../src/adapters/memoryStorage.js';
import { runStorageContract } from '../../src/testing/storageContract.js';

const disk = createMemoryDisk();
runStorageContract('memory', () => memoryStorage({ disk }), { describe, test, expect });
