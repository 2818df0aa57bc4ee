import { corePlatform } from './adapters/corePlatform.js';
import type { SyncClient } from './engine/client.js';
import { createSyncClient as create } from './engine/createSyncClient.js';
import type { SyncClientOptions } from './engine/options.js';

/**
 * Creates a client with what every runtime offers; pass `storage` to keep edits beyond the process.
 * @throws SyncError `INVALID_OPTIONS`
 */
export function createSyncClient(options: SyncClientOptions): SyncClient {
  return create(options, corePlatform());
}

export { memoryStorage } from './adapters/memoryStorage.js';
export { httpTransport, type HttpTransportOptions } from './adapters/httpTransport.js';
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
export { eventSourceChanges, type EventSourceChangesOptions } from './adapters/eventSourceChanges.js';
export { webSocketChanges, type WebSocketChangesOptions } from './adapters/webSocketChanges.js';
export * from './vocabulary.js';
