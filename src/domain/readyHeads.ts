import TinyQueue from 'tinyqueue';
import { PRIORITIES } from './mutation.js';
import type { Queued, Ticket, TicketHeap } from './queued.js';
import { byOrder, type Schedulable } from './schedulable.js';

/** The heads of one route: those that are due by rank and order, the others by when they will be. */
export interface ReadyHeads<M> {
  /** Gives it a ticket, if it may be sent now or at a known time. It has none yet. */
  put(queued: Queued<M>, now: number): void;
  /** Gives it a ticket among those that are due. */
  putReady(queued: Queued<M>, suspect: boolean): void;
  /** Moves to the others what has become due. */
  wake(now: number): void;
  /** The first of those that are due, of this rank. */
  first(rank: number, suspect: boolean): Ticket<M> | undefined;
  /** Whether anything of this rank or a worse one is due. */
  hasReady(rank: number): boolean;
  /** Infinity when nobody waits for a time. */
  readonly nextDueAt: number;
}

export function createReadyHeads<M extends Schedulable>(): ReadyHeads<M> {
  const waiting = createTicketHeap<M>((a, b) => a.dueAt - b.dueAt);
  const ready: (TicketHeap<M> | undefined)[] = [];
  const slot = (rank: number, suspect: boolean): number => (suspect ? PRIORITIES.length : 0) + rank;

  function join(heap: TicketHeap<M>, owner: Queued<M>, dueAt: number): void {
    owner.ticket = { owner, heap, seq: owner.seq, place: owner.place, dueAt };
    heap.push(owner.ticket);
  }

  function putReady(queued: Queued<M>, suspect: boolean): void {
    join((ready[slot(queued.rank, suspect)] ??= createTicketHeap(byOrder)), queued, -Infinity);
  }

  return {
    put(queued, now) {
      if (queued.mutation.sending) return;
      const { dueAt, suspect } = queued.mutation;
      if (dueAt === Infinity) return;
      if (dueAt <= now) putReady(queued, suspect);
      else join(waiting, queued, dueAt);
    },
    putReady,
    wake(now) {
      for (let top = waiting.peek(); top !== undefined && top.dueAt <= now; top = waiting.peek()) {
        waiting.pop();
        putReady(top.owner, top.owner.mutation.suspect);
      }
    },
    first: (rank, suspect) => ready[slot(rank, suspect)]?.peek(),
    hasReady: (rank) =>
      ready.some((heap, at) => at % PRIORITIES.length >= rank && heap?.peek() !== undefined),
    get nextDueAt() {
      return waiting.peek()?.dueAt ?? Infinity;
    },
  };
}

/** Takes it out of its heap, which lets go of it later. */
export function withdraw<M>(queued: Queued<M>): void {
  const { ticket } = queued;
  queued.ticket = undefined;
  ticket?.heap.voided();
}

/** Small heaps are not worth tidying up. */
const FEW = 32;

/** A binary heap lets go of its first only. A void ticket stays until it is the first, or until half of them are void. */
function createTicketHeap<M>(compare: (a: Ticket<M>, b: Ticket<M>) => number): TicketHeap<M> {
  const valid = (ticket: Ticket<M>): boolean => ticket.owner.ticket === ticket;
  let queue = new TinyQueue<Ticket<M>>([], compare);
  let voids = 0;
  const peek = (): Ticket<M> | undefined => {
    for (let top = queue.peek(); top !== undefined; top = queue.peek()) {
      if (valid(top)) return top;
      queue.pop();
      voids--;
    }
    return undefined;
  };
  return {
    peek,
    push: (ticket) => queue.push(ticket),
    pop() {
      peek();
      return queue.pop();
    },
    voided() {
      voids++;
      if (voids < FEW || voids * 2 < queue.length) return;
      queue = new TinyQueue(queue.data.filter(valid), compare);
      voids = 0;
    },
  };
}
