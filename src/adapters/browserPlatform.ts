import type { Platform } from '../engine/ports.js';
import { broadcastTabChannel } from './broadcastTabChannel.js';
import { browserClock } from './browserClock.js';
import { browserConnectivity } from './browserConnectivity.js';
import { corePlatform } from './corePlatform.js';
import { dexieStorage } from './dexieStorage.js';
import { webLocksLease } from './webLocksLease.js';

/** What a browser offers; each part does without what is missing. */
export function browserPlatform(): Platform {
  return {
    ...corePlatform(),
    clock: browserClock(),
    storage: () => dexieStorage(),
    connectivity: () => browserConnectivity(),
    lease: () => webLocksLease(),
    tabs: () => broadcastTabChannel(),
  };
}
