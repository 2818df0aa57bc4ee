import type { Ledger } from './ledger.js';
import type { Clock } from './ports.js';

/** So many mutations take some milliseconds. */
const MANY = 500;

/** Where many are pending, what follows is a task of its own, so that the page stays awake. */
export async function ownTask(
  { pending }: Pick<Ledger, 'pending'>,
  clock: Pick<Clock, 'sleep'>,
): Promise<void> {
  if (pending.size > MANY) await clock.sleep(0);
}
