/** Thrown when an invariant of docs/SPEC.md does not hold; `invariant` is its number there. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: number;

  constructor(invariant: number, message: string) {
    super(`Invariant ${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** The last things that happened, and the first that must not. */
export interface Report {
  /** Notes something for the trace; cheap until it is read. */
  note(...parts: unknown[]): void;
  /** Notes a violation. It is thrown later, at the end of the turn: code under test must not catch it. */
  fail(invariant: number, message: string): void;
  /** Something has happened that could have broken an invariant: a check that had nothing to check does not count. */
  stake(invariant: number): void;
  readonly staked: ReadonlySet<number>;
  readonly violation: Violation | undefined;
  trace(): string[];
}

const KEPT = 250;

export function createReport(now: () => number): Report {
  const notes: { readonly at: number; readonly parts: readonly unknown[] }[] = [];
  const staked = new Set<number>();
  let violation: Violation | undefined;
  const note = (...parts: unknown[]): void => {
    if (violation !== undefined) return;
    notes.push({ at: now(), parts });
    if (notes.length > 2 * KEPT) notes.splice(0, KEPT);
  };
  return {
    note,
    staked,
    stake: (invariant) => void staked.add(invariant),
    fail(invariant, message) {
      staked.add(invariant);
      note('VIOLATION', invariant, message);
      violation ??= new Violation(invariant, message);
    },
    get violation() {
      return violation;
    },
    trace: () =>
      notes.slice(-KEPT).map(({ at, parts }) => `${Math.round(at)} ms  ${parts.map(say).join(' ')}`),
  };
}

const say = (part: unknown): string => (typeof part === 'string' ? part : JSON.stringify(part));
