export { dexieStorage, type DexieStorageOptions } from './adapters/dexieStorage.js';
