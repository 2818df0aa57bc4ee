import type { ConflictRow } from './conflict.js';
import { sendMine, type RowVerdict } from './conflictOutcome.js';
import type { AnyConflictStrategy } from './conflictStrategy.js';
import type { Row } from './entity.js';
import { isHalf, meet } from './meeting.js';
import { isLater, type ServerTime } from './serverClock.js';
import type { Encode } from './transaction.js';

/** A mutation that the server has refused because of another's write, and by what rules to decide. */
export interface Dispute {
  readonly rows: readonly ConflictRow[];
  /** When mine was written, by the server's clock; undefined when that was never measured. */
  readonly writtenAt: ServerTime | undefined;
  readonly strategyOf: (collection: string) => AnyConflictStrategy;
  /** The id of a row; throws where it has none. */
  readonly idOf: (collection: string, row: Row) => string;
  /** What a resolver makes is sent, so it has to be what can be sent. */
  readonly encode: Encode;
}

/** What needs no strategy: see the table of `judgeConflict`. Undefined: both sides want something else. */
export function plainVerdict(row: ConflictRow): RowVerdict | undefined {
  const met = meet(row);
  if (met === 'there') return { kind: 'there' };
  if (isSameVersion(row)) return { kind: 'server', reason: 'unchanged' };
  return met === 'free' ? sendMine(row) : undefined;
}

/** The server contradicts itself, or refuses for another reason than the version. An insert comes as something else. */
function isSameVersion({ changes, version, theirs }: ConflictRow): boolean {
  if (theirs === undefined) return false;
  return theirs.version === version && !(changes[0]?.kind === 'insert' && theirs.row !== undefined);
}

/** The resolver that has to say, where one has; half a row is not shown to it. */
export function resolverOf(
  row: ConflictRow,
  dispute: Dispute,
): Extract<AnyConflictStrategy, (...args: never[]) => unknown> | undefined {
  const strategy = dispute.strategyOf(row.collection);
  const hasToSay = typeof strategy === 'function' && !isHalf(row) && plainVerdict(row) === undefined;
  return hasToSay ? strategy : undefined;
}

/** Whom `lastWriteWins` means. */
export function winner(row: ConflictRow, { writtenAt }: Dispute): 'clientWins' | 'serverWins' {
  return isLater(writtenAt, row.theirs?.at) ? 'clientWins' : 'serverWins';
}
