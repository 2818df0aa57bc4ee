import type { Clock, Lease } from './ports.js';

/** Whether this tab is the one that drains. */
export interface Leadership {
  readonly leads: boolean;
  /** Waits for the lease and runs `work` while holding it; ends with `signal`. */
  hold(work: () => Promise<void>): Promise<void>;
  /** Resolves when this tab leads, or it is clear that another does. */
  decided(): Promise<void>;
}

export interface LeadershipOptions {
  readonly lease: Lease;
  readonly name: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A tab that has just started has its lease by then, if nobody else holds it. */
const PATIENCE_MS = 100;

export function createLeadership({ lease, name, clock, signal }: LeadershipOptions): Leadership {
  let leads = false;
  let taken = (): void => undefined;
  const leading = new Promise<void>((resolve) => (taken = resolve));
  return {
    get leads() {
      return leads;
    },
    hold: (work) =>
      lease.hold(name, signal, async () => {
        leads = true;
        taken();
        await work();
        leads = false;
      }),
    async decided() {
      const timer = new AbortController();
      await Promise.race([leading, clock.sleep(PATIENCE_MS, timer.signal)]);
      timer.abort();
    },
  };
}
