import { FIRST_PAGE, nextPageSize } from '../domain/pageSize.js';
import type { Clock } from './ports.js';

/** How many rows a page is asked for, by how long the ones before took (PL4). */
export interface Pacing {
  readonly limit: number;
  /** A page is asked for. */
  asks(): {
    came(): void;
    /** With so many rows. */
    stored(rows: number): void;
    /** `isOdd`: what came could not be read; it may have been too much at once. */
    failed(isOdd: boolean): void;
  };
}

/** @param most what the transport allows */
export function createPacing(clock: Pick<Clock, 'monotonic'>, most: number): Pacing {
  let limit = Math.min(FIRST_PAGE, most);
  return {
    get limit() {
      return limit;
    },
    asks() {
      const askedAt = clock.monotonic();
      let cameAt = askedAt;
      const came = (): number => (cameAt = clock.monotonic());
      const stored = (rows: number): void => {
        const took = { limit, rows, requestMs: cameAt - askedAt, storeMs: clock.monotonic() - cameAt };
        limit = nextPageSize(took, most);
      };
      return {
        came,
        stored,
        failed(isOdd) {
          if (isOdd) cameAt = Infinity;
          else came();
          stored(0);
        },
      };
    },
  };
}
