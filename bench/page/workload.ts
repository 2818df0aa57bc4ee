/** What one run of one subject took. */
export interface Measurement {
  /** Milliseconds of the timed part. */
  readonly ms: number;
  /** Other things that were counted, e.g. requests. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** One piece of work, done by several subjects; the first one is the floor that the others are compared with. */
export interface Workload {
  readonly name: string;
  /** `heap`: not timed; what the page holds when the subject has run, over a blank page. */
  readonly unit: 'ns each' | 'µs each' | 'ms' | 'heap MiB';
  /** How many there are in one run, for `µs each` and `ns each`. */
  readonly operations?: number;
  /** A quick run does it twice only. */
  readonly long?: boolean;
  /** Done once per run of the bench, in a page of its own, e.g. to fill a database. */
  readonly prepare?: () => Promise<void>;
  /** Each checks its result and throws when it is wrong. */
  readonly subjects: Readonly<Record<string, () => Promise<Measurement>>>;
}

/** Everything a floor or a subject claims to have done is read back and compared. */
export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`bench: wrong result: ${what}`);
}

export function equal(received: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(received), JSON.stringify(expected)];
  check(a === b, `${what} is ${a}, expected ${b}`);
}

/** Runs `work` and returns how long it took, in milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
