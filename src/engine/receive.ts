import { advanceBase } from '../domain/baseRows.js';
import type { EntityKey, ServerRow } from '../domain/entity.js';
import { baseFor, isSameCheckpoint, met, readUnderWay, type Checkpoint } from '../domain/fullRead.js';
import { withAssigned, type AssignedId } from '../domain/identity.js';
import { idempotencyKey, type Sealed } from '../domain/mutation.js';
import {
  isCurrent,
  departure,
  inStep,
  storedId,
  type Books,
  type Departure,
  type Leaving,
} from './departures.js';
import { META, type Ledger } from './ledger.js';
import type { PendingMutation } from './pendingMutation.js';
import type { PullPage } from './ports.js';
import { endOfRead, type Suspects } from './reading.js';
import { renamed } from './renamed.js';
import { acceptedAfterAll } from './settle.js';

/** Lets a page of changes into the base, if it was asked for where the pull still is. */
export function planReceive(
  books: Books,
  page: PullPage,
  from: Checkpoint,
  suspected: Suspects,
  now: number,
): Departure | undefined {
  const { ledger, store } = books;
  const read = readUnderWay(from, false);
  if (!isSameCheckpoint(ledger, from)) return undefined;
  if (read === undefined && page.changes.length === 0 && page.cursor === from.cursor) return undefined;
  // An echo of our own mutation is the server's acceptance, whichever way it came (RD4).
  const sent = sentByKey(ledger);
  const told = page.changes.map(({ op, ...row }) => ({
    rows: [row],
    changes: [],
    own: op !== undefined && sent.has(op),
  }));
  const needed = (key: EntityKey): boolean => store.pendingOn(key).length > 0;
  const newer = advanceBase(baseFor(store.base, read), told, needed, read?.number);
  const end = endOfRead(books, page, read, suspected);
  const rows = [...met(page.changes, newer, store.base, read), ...end.gone];
  const leaving: Leaving[] = [];
  const assigned: AssignedId[] = [];
  for (const row of page.changes) {
    const echoed = row.op === undefined ? undefined : sent.get(row.op);
    if (echoed === undefined || row.op === undefined) continue;
    sent.delete(row.op);
    for (const mutation of echoed.members)
      leaving.push({ mutation, outcome: { kind: 'accepted', result: undefined } });
    assigned.push(...namedBy(row, echoed.sealed, books));
  }
  const synced = page.upToDate ? inStep(ledger, leaving, now) : [];
  const after = acceptedAfterAll(ledger, new Set(page.changes.map((row) => row.op)));
  leaving.push(...after.held);
  const parts = {
    leaving,
    rebased: renamed(books, withAssigned(ledger.ids, assigned), assigned, leaving, after.letters),
    rows,
    put: {
      meta: [{ key: META.cursor, value: page.cursor }, ...end.meta, ...assigned.map(storedId), ...synced],
    },
  };
  return departure(ledger, parts, { deadLetters: after.letters });
}

interface Sent {
  readonly sealed: Sealed;
  /** Those of it that are undecided here. */
  readonly members: readonly PendingMutation[];
}

/** What was sent, by its key: what is undecided, and what was given up without an answer (RT6). */
function sentByKey(ledger: Ledger): Map<string, Sent> {
  const { seals, pending, deadLetters } = ledger;
  const sent = new Map<string, Sent>();
  for (const { sealed } of deadLetters.values())
    if (sealed !== undefined) sent.set(idempotencyKey(sealed), { sealed, members: [] });
  for (const sealed of [...seals.values()].flat()) {
    const key = idempotencyKey(sealed);
    const members = (sealed.members ?? [sealed.token]).flatMap((token) => pending.get(token) ?? []);
    sent.set(key, { sealed, members: members.filter((m) => isCurrent(m, key)) });
  }
  return sent;
}

/** The feed shows our insert under another id: the server has named it, and the answer that says so is lost or late (ID1). */
function namedBy(row: ServerRow, sealed: Sealed, { collections }: Books): AssignedId[] {
  if (collections.get(row.collection)?.serverIds !== true) return [];
  const inserted = sealed.changes.filter(
    ({ kind, collection }) => kind === 'insert' && collection === row.collection,
  );
  const [only, ...others] = inserted;
  if (only === undefined || others.length > 0 || only.id === row.id) return [];
  return [{ collection: row.collection, from: only.id, to: row.id }];
}
