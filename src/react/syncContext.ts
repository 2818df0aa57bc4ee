import { createContext, type Context } from 'react';
import type { SyncClient } from '../engine/client.js';

export const SyncContext: Context<SyncClient | undefined> = createContext<SyncClient | undefined>(undefined);
