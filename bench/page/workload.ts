import type { Subject } from './subject.js';

/** What one run came to, in the unit of the workload. */
export interface Measurement {
  readonly value: number;
  /** Other things that were counted, e.g. requests. */
  readonly counts?: Readonly<Record<string, number>>;
  /** What is wrong with the result. */
  readonly wrong?: string;
}

type Run = () => Promise<Measurement>;

/** One piece of work, done by floors (the least there is to do) and by libraries. Ratios are to the first floor. */
export interface Workload {
  /** Names it for good: in stored ratios and charts. */
  readonly id: string;
  readonly name: string;
  readonly unit: 'ns' | 'µs' | 'ms' | 'MiB';
  /** What ours must reach: `value`, and counts by their names. */
  readonly targets?: Readonly<Record<string, number>>;
  /** Takes long: left out of a quick run. */
  readonly long?: boolean;
  /**
   * Measured for the first time in a page, whose code is cold, and then some times more, as in a page that has been open for
   * a while: `counts['ms again']` (decision 0043).
   */
  readonly again?: boolean;
  /** Also done in the other ways that ours can be called. */
  readonly variants?: boolean;
  readonly floors?: Readonly<Record<string, Run>>;
  /** Parts of ours that have no counterpart elsewhere. */
  readonly parts?: Readonly<Record<string, Run>>;
  /** Done once before all rounds, in a page of its own, e.g. to fill a database. Without a subject: for the floors. */
  readonly prepare?: (subject?: Subject) => Promise<void>;
  /** Checks its result. */
  readonly run?: (subject: Subject) => Promise<Measurement>;
  /** Ours only: peers have nothing to compare. */
  readonly ours?: boolean;
}

/** The result is not what the work should have come to. */
export class WrongResult extends Error {}

/** Everything that a floor or a library claims to have done is read back and compared. */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new WrongResult(what);
}

export function equal(received: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(received), JSON.stringify(expected)];
  const short = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
  check(a === b, `${what}: ${short(a)}, expected ${short(b)}`);
}

/** Until what has begun in the background is done: a page at rest, as edits find it, and the network when it returns. */
export const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
