import type { AnyDefinition } from '../domain/definition.js';
import type { SyncError } from '../domain/errors.js';
import type { Lane, MutationRecord, Priority, Sealed, Token } from '../domain/mutation.js';
import type { Rider } from '../domain/riders.js';
import type { Schedulable } from '../domain/schedule.js';
import type { Effect, ReadRow } from '../domain/transaction.js';
import type { Settlement } from './settlement.js';

/** Where a pending mutation is on its way: each state carries what belongs to it. */
export type Phase =
  /** Visible, its transaction has not completed. */
  | { readonly kind: 'saving' }
  /** Durable, never sent: it may still be cancelled. */
  | { readonly kind: 'queued' }
  /** Sent at least once, or about to be: it may have reached the server, so it is frozen (OB5). */
  | { readonly kind: 'sealed'; readonly sealed: Sealed; readonly sealId: string };

export const SAVING: Phase = { kind: 'saving' };
export const QUEUED: Phase = { kind: 'queued' };

/** What went wrong so far, and when to try again. */
export interface Failures {
  readonly count: number;
  readonly error: SyncError;
  /** Monotonic milliseconds before which it is not sent. */
  readonly dueAt: number;
  /** Monotonic milliseconds that the server asked for: nothing shortens the delay below this (RT2). */
  readonly floorAt: number;
}

export interface PendingMutationInit {
  readonly record: MutationRecord;
  readonly effect: Effect;
  /** Absent for a built-in mutation, and for one whose definition is gone. */
  readonly definition: AnyDefinition | undefined;
  /** Its definition is missing or older than what was stored: it is kept and shown, and not sent (OB8). */
  readonly parked: boolean;
  /** Re-runs a named mutation on another base; never throws. */
  readonly rerun: ((read: ReadRow) => Effect) | undefined;
  /** The promises of the call; absent after a reload and in other tabs. */
  readonly settlement: Settlement | undefined;
  /** Where the storage has it; absent while it is not stored. */
  readonly stored?: { readonly seq: number; readonly place: number };
}

let calls = 0;

/** One undecided mutation, as this tab holds it. A class only because thousands of them share these getters. */
export class PendingMutation implements Schedulable, Rider {
  readonly record: MutationRecord;
  readonly definition: AnyDefinition | undefined;
  readonly parked: boolean;
  readonly rerun: ((read: ReadRow) => Effect) | undefined;
  readonly settlement: Settlement | undefined;
  /** Its effect on the present base. */
  effect: Effect;
  /** The log's sequence and the place in that record; until it is durable, Infinity and the order of the calls. */
  seq: number;
  place: number;
  phase: Phase;
  sending = false;
  /** Being taken back: it must not be sealed any more. */
  cancelling = false;
  failures: Failures | undefined = undefined;

  constructor(init: PendingMutationInit) {
    this.record = init.record;
    this.definition = init.definition;
    this.parked = init.parked;
    this.rerun = init.rerun;
    this.settlement = init.settlement;
    this.effect = init.effect;
    this.seq = init.stored?.seq ?? Infinity;
    this.place = init.stored?.place ?? calls++;
    this.phase = init.stored === undefined ? SAVING : QUEUED;
  }

  get token(): Token {
    return this.record.token;
  }
  get lanes(): readonly Lane[] {
    return this.record.lanes;
  }
  get priority(): Priority {
    return this.record.priority;
  }
  get dependsOn(): readonly Token[] {
    return this.record.dependsOn;
  }
  get alone(): boolean {
    return this.definition?.mutationFn !== undefined;
  }
  /** What it sends does not depend on the base any more, or never did. */
  get fixed(): boolean {
    return this.phase.kind === 'sealed' || this.definition?.command === true;
  }
  get suspect(): boolean {
    return this.failures !== undefined;
  }
  get dueAt(): number {
    return this.parked || this.cancelling || this.phase.kind === 'saving'
      ? Infinity
      : (this.failures?.dueAt ?? 0);
  }
  /** What is or will be sent: frozen at sealing. */
  get changes(): Sealed['changes'] {
    return this.phase.kind === 'sealed' ? this.phase.sealed.changes : this.effect.changes;
  }
}

/** The order of all mutations: the storage's, then this tab's calls that are not stored yet (OB3). */
export function byOrder(a: PendingMutation, b: PendingMutation): number {
  return a.seq === b.seq ? a.place - b.place : a.seq - b.seq;
}
