import type { ReactNode } from 'react';
import type { SyncClient } from '../engine/client.js';
import { SyncContext } from './syncContext.js';

export interface SyncProviderProps {
  /** Made outside of rendering, once per app and user. */
  readonly client: SyncClient;
  readonly children?: ReactNode;
}

/**
 * Gives `client` to the hooks below. It neither creates nor disposes the client: that is the app's, and StrictMode
 * mounts everything twice.
 * @example
 * const sync = createSyncClient({ name: 'todo-app', collections: [todos] })
 * root.render(<SyncProvider client={sync}><App /></SyncProvider>)
 */
export function SyncProvider({ client, children }: SyncProviderProps): ReactNode {
  return <SyncContext.Provider value={client}>{children}</SyncContext.Provider>;
}
