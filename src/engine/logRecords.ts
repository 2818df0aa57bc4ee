import type { MutationRecord, Token } from '../domain/mutation.js';
import type { PendingMutation } from './pendingMutation.js';

/*
 * A log record is not rewritten each time that some of its mutations leave. One note says for all records which of
 * their places are empty, a bit per place; so a settle costs what it settles, whatever else the records hold:
 *
 *   log  17: a b c d e f g h     note  17: 01100000      b and c have left
 *
 * A record is deleted with its last mutation, and rewritten when few stay, so that they do not keep the others on disk:
 * but not when all of these are on their way.
 */

/** By sequence, for each record that has empty places: which. */
export type EmptyPlaces = ReadonlyMap<number, Uint8Array>;

/** So many times what stays, and a record is rewritten. */
const MOSTLY_EMPTY = 4;

/** Anything may have become of what was stored (OB7). */
export function isNote(value: unknown): value is EmptyPlaces {
  return Object.prototype.toString.call(value) === '[object Map]'; // of whichever realm
}

export function isEmptyPlace(places: Uint8Array | undefined, place: number): boolean {
  return places !== undefined && (((places[place >> 3] ?? 0) >> (place & 7)) & 1) === 1;
}

/** What is still there of a record, by place. Anything that was ever stored there may be among it (OB7). */
export function* presentIn(
  records: readonly MutationRecord[] | undefined,
  places: Uint8Array | undefined,
): Iterable<readonly [place: number, record: Partial<MutationRecord> | null]> {
  for (const [place, record] of records?.entries() ?? [])
    if (!isEmptyPlace(places, place)) yield [place, record];
}

/** The log as this tab knows it. */
export interface KnownLog {
  readonly log: ReadonlyMap<number, readonly MutationRecord[]>;
  readonly empty: EmptyPlaces;
  readonly copies: ReadonlyMap<Token, ReadonlySet<number>>;
  readonly pending: ReadonlyMap<Token, PendingMutation>;
}

export interface LogChange {
  readonly rewritten: { readonly seq: number; readonly mutations: readonly MutationRecord[] }[];
  readonly emptied: number[];
  /** Undefined: as it was. */
  readonly empty: EmptyPlaces | undefined;
}

interface Changed {
  readonly records: readonly MutationRecord[];
  readonly places: Uint8Array;
  /** By place. */
  readonly instead: Map<number, MutationRecord>;
}

/** Takes `leaving` out of the log, and puts the records of `rebased` in the place of what they were. Costs what it takes. */
export function changeLog(
  { log, empty, copies, pending }: KnownLog,
  leaving: readonly PendingMutation[],
  rebased: ReadonlyMap<PendingMutation, MutationRecord>,
): LogChange {
  const changed = new Map<number, Changed>();
  const begin = (seq: number): Changed => {
    const records = log.get(seq) ?? [];
    const places = new Uint8Array(Math.ceil(records.length / 8));
    places.set(empty.get(seq) ?? []);
    const own = { records, places, instead: new Map<number, MutationRecord>() };
    changed.set(seq, own);
    return own;
  };
  const change = (seq: number, { token, place }: PendingMutation, record?: MutationRecord): void => {
    const { records, places, instead } = changed.get(seq) ?? begin(seq);
    let at = place;
    // Where the record was rewritten, it stands elsewhere.
    if (records[at]?.token !== token)
      at = records.findIndex((one: MutationRecord | null) => one?.token === token);
    if (at < 0) return;
    if (record === undefined) places[at >> 3] = (places[at >> 3] ?? 0) | (1 << (at & 7));
    else instead.set(at, record);
  };
  const areOnTheirWay = (records: readonly (MutationRecord | null)[], places: Uint8Array): boolean =>
    records.every(
      (record, place) => isEmptyPlace(places, place) || (record && pending.get(record.token)?.sending),
    );
  const concern = (mutation: PendingMutation, record?: MutationRecord): void => {
    change(mutation.seq, mutation, record);
    if (copies.size > 0) for (const seq of copies.get(mutation.token) ?? []) change(seq, mutation, record);
  };
  for (const [mutation, record] of rebased) concern(mutation, record);
  leaving.forEach((mutation) => concern(mutation));

  const rewritten: LogChange['rewritten'] = [];
  const emptied: number[] = [];
  const next = new Map(empty);
  let isOther = false;
  for (const [seq, { records, places, instead }] of changed) {
    let left = records.length;
    places.forEach((byte) => {
      for (let bits = byte; bits > 0; bits &= bits - 1) left--;
    });
    const isKept = left * MOSTLY_EMPTY > records.length || areOnTheirWay(records, places);
    if (left > 0 && instead.size === 0 && isKept) {
      next.set(seq, places);
      isOther = true;
      continue;
    }
    isOther = next.delete(seq) || isOther;
    if (left === 0) emptied.push(seq);
    else {
      const now = records.map((record, place) => instead.get(place) ?? record);
      rewritten.push({ seq, mutations: now.filter((_, place) => !isEmptyPlace(places, place)) });
    }
  }
  return { rewritten, emptied, empty: isOther ? next : undefined };
}
