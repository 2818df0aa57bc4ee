import type { Lane, Token } from './mutation.js';

/** What the index keeps of one pending mutation. */
export interface Queued<M> {
  readonly mutation: M;
  /** Copies: what changes outside must not break the order in here before `refresh` is called. */
  seq: number;
  place: number;
  /** Index into `PRIORITIES`: its own, or a better one that it was lent (SC2). */
  rank: number;
  /** How many it waits for: the one before it in each of its lanes, and each that it depends on. None: it is a head. */
  waitsFor: number;
  readonly links: readonly Link<M>[];
  /** What it depends on, each token once. */
  readonly needs: readonly Token[];
  /** The last {@link Lanes.inTurn} in which it was found to be in turn, and stays. */
  turn: number;
  /** Where it stands among the heads. */
  ticket: Ticket<M> | undefined;
}

/** A place in one lane. A lane is nothing but its links, so that one with a single mutation costs little. */
export interface Link<M> {
  readonly owner: Queued<M>;
  readonly lane: Lane;
  previous: Link<M> | undefined;
  next: Link<M> | undefined;
}

/** A place in a heap, with what the heap compares. Void as soon as it is not its owner's ticket any more. */
export interface Ticket<M> {
  readonly owner: Queued<M>;
  readonly heap: TicketHeap<M>;
  readonly seq: number;
  readonly place: number;
  readonly dueAt: number;
}

export interface TicketHeap<M> {
  push(ticket: Ticket<M>): void;
  /** The first that is not void. */
  peek(): Ticket<M> | undefined;
  pop(): Ticket<M> | undefined;
  /** One of its tickets has become void. */
  voided(): void;
}
