'use client';
import { browserPlatform } from './adapters/browserPlatform.js';
import type { SyncClient } from './engine/client.js';
import { createSyncClient as create } from './engine/createSyncClient.js';
import type { SyncClientOptions } from './engine/options.js';

/**
 * Creates a client with what a browser offers: Dexie storage, Web Locks, a channel between tabs. Where a part is
 * missing (private mode, server rendering) it does without, and `status` says so.
 * @throws SyncError `INVALID_OPTIONS`
 */
export function createSyncClient(options: SyncClientOptions): SyncClient {
  return create(options, browserPlatform());
}

export { dexieStorage, type DexieStorageOptions } from './adapters/dexieStorage.js';
export { eventSourceChanges, type EventSourceChangesOptions } from './adapters/eventSourceChanges.js';
export { httpTransport, type HttpTransportOptions } from './adapters/httpTransport.js';
export { memoryStorage } from './adapters/memoryStorage.js';
export * from './vocabulary.js';
