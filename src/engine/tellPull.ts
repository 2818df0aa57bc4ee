import type { PullResult } from '../domain/session.js';
import type { Emit } from './tellOutcome.js';

/** Tells how a session of pulls ended (PL2). */
export function tellPull(result: PullResult, emit: Emit): void {
  const direction = 'pull';
  switch (result.kind) {
    case 'cancelled':
      emit('sync.cancelled', { direction });
      return;
    case 'failed':
      emit('sync.failed', { direction, error: result.error });
      return;
    case 'up-to-date': {
      const { rows, pages, verified } = result;
      emit('sync.completed', { direction, rows, pages, ...(verified && { verified }) });
      return;
    }
  }
}
