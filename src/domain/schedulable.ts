import type { Lane, Priority, Token } from './mutation.js';

/** The route of what goes with others, through the transport. */
export const TRANSPORT = '';

/** What scheduling needs to know of a mutation. Whatever changes here is followed by a `refresh`. */
export interface Schedulable {
  readonly token: Token;
  /** At least one. */
  readonly lanes: readonly Lane[];
  readonly priority: Priority;
  readonly dependsOn: readonly Token[];
  /** `TRANSPORT`, or the name of the definition that sends it by its own function, alone. */
  readonly route: string;
  /**
   * What follows it in its lanes, and its dependents, need its answer (server-assigned ids): nothing rides behind it
   * in a batch.
   */
  readonly closing: boolean;
  /**
   * It has failed before: it goes after all that have not, for a server that stops a batch at it must not keep the
   * others from being decided.
   */
  readonly suspect: boolean;
  /** In flight now. */
  readonly sending: boolean;
  /**
   * Monotonic milliseconds before which it must not be sent; Infinity while it is parked, held, not durable, or being
   * taken back.
   */
  readonly dueAt: number;
  /** Monotonic milliseconds since when it waits: waiting raises its priority slowly (SC2). It needs no `refresh`. */
  readonly since: number;
  /** The order: by `seq`, then by `place`. Infinity while it is not stored; then it is not due either. */
  readonly seq: number;
  readonly place: number;
  /** A mark of the lanes: it was added when it was not stored, and they have not seen it stored yet. */
  unfiled: boolean;
}

export type Position = Pick<Schedulable, 'seq' | 'place'>;

/** The order of all mutations: the storage's, then this tab's calls that are not stored yet (OB3). */
export function byOrder(a: Position, b: Position): number {
  return a.seq === b.seq ? a.place - b.place : a.seq - b.seq;
}

/** Mostly they are in order already; then it is the very list. */
export function inOrder<P extends Position>(list: readonly P[]): readonly P[] {
  return list.every((one, i) => i === 0 || !isBefore(one, list[i - 1] as P)) ? list : [...list].sort(byOrder);
}

export function isBefore(a: Position, b: Position): boolean {
  return byOrder(a, b) < 0;
}
