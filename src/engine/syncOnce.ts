import { abortable } from './abortable.js';
import type { SyncRequest, SyncResult } from './client.js';
import type { Clock } from './ports.js';
import type { Puller } from './puller.js';
import { since, type ProcessingSummary } from './summary.js';
import type { Worker } from './worker.js';

export interface SyncOnceOptions {
  readonly worker: Worker;
  readonly total: ProcessingSummary;
  readonly puller: Puller | undefined;
  readonly clock: Clock;
  /** Resolves when this tab drains, or it is clear that another does. */
  readonly begun: () => Promise<void>;
  /** Whether this tab may send and pull now: it drains, and is not paused. */
  readonly active: () => boolean;
  /** Tells the tab that does drain. */
  readonly announce: () => void;
}

/** One pass, now: sends what can be sent, reads what is new. Only the tab that drains does it; another tells that one. */
export async function syncOnce(options: SyncOnceOptions, request: SyncRequest): Promise<SyncResult> {
  const { worker, total, puller, clock, begun, active, announce } = options;
  const { direction = 'both', signal } = request;
  const before = { ...total };
  const startedAt = clock.monotonic();
  await abortable(begun(), signal);
  let pulled: SyncResult['pulled'];
  if (active()) {
    if (direction !== 'pull') await abortable(worker.quiet(), signal);
    if (direction !== 'push') pulled = await abortable(puller?.pull() ?? Promise.resolve(undefined), signal);
  } else announce();
  return { summary: since(before, total, clock.monotonic() - startedAt), pulled };
}
