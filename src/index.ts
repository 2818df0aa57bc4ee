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
export { webSocketChanges, type WebSocketChangesOptions } from './adapters/webSocketChanges.js';
export { httpTransport, type HttpTransportOptions } from './adapters/httpTransport.js';
export { memoryStorage } from './adapters/memoryStorage.js';
export { restTransport, type RestTransportOptions } from './adapters/restTransport.js';
export type { RestCommand } from './adapters/restRequests.js';
export type {
  RestFields,
  RestGet,
  RestJson,
  RestResource,
  RestSafety,
  RestSegments,
} from './adapters/restResource.js';
export * from './vocabulary.js';
export { SyncProvider, type SyncProviderProps } from './react/SyncProvider.js';
export { useConflicts } from './react/useConflicts.js';
export { useDeadLetters } from './react/useDeadLetters.js';
export { useEntities, type DataQuery, type FunctionQuery } from './react/useEntities.js';
export { useEntity } from './react/useEntity.js';
export { useEntityStatus } from './react/useEntityStatus.js';
export type { CallOptions, MutationCallbacks, OptimisticMutationOptions } from './react/mutationOptions.js';
export type { OptimisticMutationResult } from './react/mutationResult.js';
export { useOptimisticMutation } from './react/useOptimisticMutation.js';
export { usePendingMutations } from './react/usePendingMutations.js';
export { useSyncClient } from './react/useSyncClient.js';
export { useSyncStatus } from './react/useSyncStatus.js';
