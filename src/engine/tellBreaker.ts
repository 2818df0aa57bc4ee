import type { Breaker } from '../domain/breaker.js';
import type { Clock } from './ports.js';
import type { Emit } from './tellOutcome.js';

/** Tells that a breaker has changed its state (RT4). */
export function tellBreaker(route: string, breaker: Breaker, clock: Clock, emit: Emit): void {
  switch (breaker.state) {
    case 'closed':
      emit('breaker.closed', { route });
      return;
    case 'half-open':
      emit('breaker.halfOpened', { route });
      return;
    case 'open':
      emit('breaker.opened', { route, until: clock.now() + breaker.until - clock.monotonic() });
      return;
  }
}
