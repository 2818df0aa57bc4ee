import type { AnyDefinition } from '../domain/definition.js';
import type { SyncError } from '../domain/errors.js';
import type { Foldable } from '../domain/fold.js';
import { TRANSPORT, type Schedulable } from '../domain/lanes.js';
import type { Mergeable } from '../domain/merge.js';
import type { Change } from '../domain/changes.js';
import type { DeadLetter, Lane, MutationRecord, Priority, Sealed, Token } from '../domain/mutation.js';
import type { Standing, Tally } from '../domain/status.js';
import type { Effect, ReadRow } from '../domain/transaction.js';
import type { PendingMutationView } from './pendingView.js';
import type { Settlement } from './settlement.js';

/** Where a pending mutation is on its way: each state carries what belongs to it. */
export type Phase =
  /** Visible, its transaction has not completed. */
  | { readonly kind: 'saving' }
  /** Durable, never sent: it may still be cancelled. */
  | { readonly kind: 'queued' }
  /** Sent at least once, or about to be: it may have reached the server, so it is frozen (OB5). */
  | { readonly kind: 'sealed'; readonly sealed: Sealed; readonly sealId: string }
  /** Refused, and still shown: the user has to repair or discard it (RT7, `onRejected: 'hold'`). */
  | { readonly kind: 'refused'; readonly letter: DeadLetter };

export const SAVING: Phase = { kind: 'saving' };
export const QUEUED: Phase = { kind: 'queued' };

/** What went wrong so far, and when to try again. */
export interface Failures {
  readonly count: number;
  /** How many of them were requests that went out and decided nothing: those count as attempts (RT6). */
  readonly unanswered: number;
  readonly error: SyncError;
  /** Monotonic milliseconds before which it is not sent. */
  readonly dueAt: number;
  /** Monotonic milliseconds that the server asked for: nothing shortens the delay below this (RT2). */
  readonly floorAt: number;
}

/** What a named mutation does on a base, given its variables; never throws. One per definition. */
export type Rerun = (variables: unknown, read: ReadRow, former: Effect) => Effect;

export interface PendingMutationInit {
  readonly record: MutationRecord;
  readonly effect: Effect;
  /** Absent for a built-in mutation, and for one whose definition is gone. */
  readonly definition: AnyDefinition | undefined;
  /** Why it is kept and shown, and not sent: its definition is missing, or cannot read it (OB8). */
  readonly parked: SyncError | undefined;
  /** Absent for a built-in mutation, and for a parked one: what they recorded is what they mean. */
  readonly run: Rerun | undefined;
  /** Whoever needs its row has to wait for the id that the server gives it. */
  readonly closing: boolean;
  /** The promises of the call; absent after a reload and in other tabs. */
  readonly settlement: Settlement | undefined;
  /** Monotonic milliseconds since when it waits here. */
  readonly since: number;
  /** Monotonic milliseconds before which it may still be taken back (MU5). */
  readonly sendAt: number;
  /** Where the storage has it; absent while it is not stored. */
  readonly stored?: { readonly seq: number; readonly place: number };
}

let calls = 0;

/** One undecided mutation, as this tab holds it. A class only because thousands of them share these getters. */
export class PendingMutation implements Schedulable, Foldable, Mergeable {
  readonly record: MutationRecord;
  readonly token: Token;
  readonly definition: AnyDefinition | undefined;
  readonly parked: SyncError | undefined;
  readonly run: Rerun | undefined;
  readonly closing: boolean;
  readonly since: number;
  readonly sendAt: number;
  settlement: Settlement | undefined;
  /** The log's sequence and the place in that record; until it is durable, Infinity and the order of the calls. */
  seq: number;
  place: number;
  /** Being taken back: it must not be sealed any more. */
  cancelling = false;
  unfiled = false;
  /** It cannot be sent with others: it goes by itself. */
  single = false;
  /** Sealed before this tab drained, or sent before: it may have arrived. */
  resent = false;
  /** How it was shown last; undefined when anything that this was made of has changed. */
  view: PendingMutationView | undefined = undefined;
  #effect: Effect;
  #phase: Phase;
  #sending = false;
  #failures: Failures | undefined = undefined;
  #tally: Tally | undefined = undefined;
  #counted: Standing = 'pending';

  constructor(init: PendingMutationInit) {
    this.record = init.record;
    this.token = init.record.token;
    this.definition = init.definition;
    this.parked = init.parked;
    this.run = init.run;
    this.closing = init.closing;
    this.since = init.since;
    this.sendAt = init.sendAt;
    this.settlement = init.settlement;
    this.#effect = init.effect;
    this.seq = init.stored?.seq ?? Infinity;
    this.place = init.stored?.place ?? calls++;
    this.#phase = init.stored === undefined ? SAVING : QUEUED;
  }

  /** From now on it is counted there, by how it stands; nowhere, when it is no longer pending. */
  countIn(tally: Tally | undefined): void {
    if (this.#tally !== undefined) this.#tally[this.#counted]--;
    this.#tally = tally;
    this.#counted = this.standing;
    if (tally !== undefined) tally[this.#counted]++;
  }
  /** Not taken out of the ledger, nor another put in its place. */
  get inLedger(): boolean {
    return this.#tally !== undefined;
  }
  get standing(): Standing {
    if (this.#phase.kind === 'refused')
      return this.#phase.letter.conflict === undefined ? 'needsAttention' : 'conflict';
    if (this.#sending) return 'sending';
    return this.parked !== undefined || this.#failures !== undefined ? 'held' : 'pending';
  }
  #moved(): void {
    this.view = undefined;
    if (this.standing !== this.#counted) this.countIn(this.#tally);
  }
  /** Its effect on the present base. */
  get effect(): Effect {
    return this.#effect;
  }
  set effect(effect) {
    this.#effect = effect;
    this.view = undefined;
  }
  get phase(): Phase {
    return this.#phase;
  }
  set phase(phase) {
    this.#phase = phase;
    this.#moved();
  }
  get sending(): boolean {
    return this.#sending;
  }
  set sending(sending) {
    this.#sending = sending;
    this.#moved();
  }
  get failures(): Failures | undefined {
    return this.#failures;
  }
  set failures(failures) {
    this.#failures = failures;
    this.#moved();
  }

  get name(): string {
    return this.record.name;
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
  get variables(): unknown {
    return this.record.variables;
  }
  get route(): string {
    return this.definition?.mutationFn === undefined ? TRANSPORT : this.record.name;
  }
  get coalesce(): Mergeable['coalesce'] {
    return this.definition?.coalesce;
  }
  get apart(): boolean {
    const { split, resolved } = this.record;
    return this.single || split === true || resolved === true || this.phase.kind !== 'queued';
  }
  /** Re-runs it on another base (ST3). */
  get rerun(): ((read: ReadRow) => Effect) | undefined {
    const { run } = this;
    return run && ((read) => run(this.record.variables, read, this.effect));
  }
  get suspect(): boolean {
    return this.failures !== undefined;
  }
  /** The server has not decided on it yet. */
  get undecided(): boolean {
    return this.phase.kind !== 'refused';
  }
  get dueAt(): number {
    const { kind } = this.phase;
    const isStuck = this.parked !== undefined || this.cancelling || kind === 'saving' || kind === 'refused';
    return isStuck ? Infinity : Math.max(this.sendAt, this.failures?.dueAt ?? 0);
  }
  /** What is or will be sent: frozen at sealing. What was merged was frozen as one; each still shows its own. */
  get changes(): readonly Change[] {
    return this.phase.kind === 'sealed' && this.phase.sealed.members === undefined
      ? this.phase.sealed.changes
      : this.effect.changes;
  }
}
