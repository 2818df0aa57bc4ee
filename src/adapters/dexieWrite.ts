import type { StorageReceipt, StorageWrite } from '../engine/ports.js';
import type { MutationRecord } from '../domain/mutation.js';
import { STORES, type OutboxDatabase, type StoredMutations, type StoredTick } from './dexieDatabase.js';
import { lastPack, putRows, putSparse, removeUnreadable, type SparsePack } from './dexieRows.js';
import { toLine } from './mutationLine.js';
import { packList } from './packed.js';
import { storageError } from './storageError.js';
import { touchedBy } from './touched.js';

/** A load whose last known revision is further back than this reads everything. */
const JOURNAL_KEPT = 1_000;
/** How often the journal is trimmed, in revisions: one delete of a range then. */
const TRIM_EVERY = 256;

/**
 * After so many milliseconds the browser gets a turn: log records are made text as they are handed over, a loop of a million
 * edits makes two thousand of them, and each takes many times as long while the browser collects garbage.
 */
const SLICE_MS = 8;

export interface NamedWrite {
  /** Unique among all writes of all tabs. */
  readonly id: string;
  readonly write: StorageWrite;
  readonly sparse: readonly SparsePack[];
  /**
   * Present for a second attempt, when the answer to the first one was lost: a revision before the first one. The
   * write may be in the journal, and is then not repeated.
   */
  readonly retryAfter?: number;
}

/**
 * One transaction. Dexie's promise follows the transaction's `complete`, not the last request's success: at a full
 * disk all requests succeed and the commit fails.
 */
export async function writeOnce(db: OutboxDatabase, named: NamedWrite): Promise<StorageReceipt | 'stale'> {
  return db.transaction('rw', STORES, async () => {
    const { id, write, sparse, retryAfter } = named;
    if (retryAfter !== undefined) {
      const first = await findWrite(db, id, retryAfter);
      if (first !== undefined) return first;
    }
    const last = write.ifRevision === undefined ? undefined : lastRevision(db);
    const ticks = ticksOf(write); // made text while the browser looks for it
    if (last !== undefined && (await last) !== write.ifRevision) return 'stale';
    // The rest is asked for at once: each turn that is waited for here is one of the page's main thread.
    const [receipt] = await Promise.all([
      journal(db, named),
      ...change(db, write, ticks),
      ...(sparse.length > 0 ? [putSparse(db, sparse)] : []),
    ]);
    if (receipt.revision % TRIM_EVERY === 0)
      await db.journal
        .where(':id')
        .belowOrEqual(receipt.revision - JOURNAL_KEPT)
        .delete();
    return receipt;
  });
}

async function journal(db: OutboxDatabase, { id, write }: NamedWrite): Promise<StorageReceipt> {
  const [seqs, last] = await Promise.all([
    append(db, write.append ?? []),
    write.put?.rows?.length ? lastPack(db) : 0,
  ]);
  const { outcomes = [] } = write;
  const touched = touchedBy(write, seqs);
  const revision = await db.journal.add({ write: id, seqs, outcomes, touched, lastPack: last });
  return { revision, seqs };
}

/** 0 for a storage that was never written to. */
export async function lastRevision(db: OutboxDatabase): Promise<number> {
  const [last = 0] = await db.journal.orderBy(':id').reverse().limit(1).primaryKeys();
  return last;
}

async function append(db: OutboxDatabase, groups: NonNullable<StorageWrite['append']>): Promise<number[]> {
  const seqs: number[] = [];
  for (let i = 0; i < groups.length;) {
    const until = performance.now() + SLICE_MS;
    const records: StoredMutations[] = [];
    do records.push(pack(groups[i++] ?? []));
    while (i < groups.length && performance.now() < until);
    for (const seq of await db.log.bulkAdd(records, { allKeys: true })) seqs.push(seq);
  }
  return seqs;
}

const pack = (mutations: readonly MutationRecord[]): StoredMutations => packList(mutations, toLine);

const ticksOf = ({ put }: StorageWrite): readonly StoredTick[] =>
  (put?.log ?? []).map(({ seq, mutations }) => ({ seq, ...pack(mutations) }));

function change(
  db: OutboxDatabase,
  { put = {}, remove = {} }: StorageWrite,
  ticks: readonly StoredTick[],
): PromiseLike<unknown>[] {
  const running: PromiseLike<unknown>[] = [];
  if (ticks.length > 0) running.push(db.log.bulkPut(ticks));
  if (put.seals?.length) running.push(db.seals.bulkPut(put.seals));
  if (put.rows?.length) running.push(putRows(db, put.rows));
  if (put.deadLetters?.length) running.push(db.deadLetters.bulkPut(put.deadLetters));
  if (put.meta?.length) running.push(db.meta.bulkPut(put.meta));
  if (remove.log?.length) running.push(db.log.bulkDelete([...remove.log]));
  if (remove.seals?.length) running.push(db.seals.bulkDelete([...remove.seals]));
  if (remove.unreadableRows?.length) running.push(removeUnreadable(db, remove.unreadableRows));
  if (remove.deadLetters?.length) running.push(db.deadLetters.bulkDelete([...remove.deadLetters]));
  return running;
}

/** What became of a write whose answer was lost: its receipt, or undefined when it was certainly not stored. */
async function findWrite(db: OutboxDatabase, id: string, after: number): Promise<StorageReceipt | undefined> {
  const records = await db.journal.toArray();
  const found = records.find((record) => record.write === id);
  if (found !== undefined) return { revision: found.revision, seqs: found.seqs };
  const oldest = records[0]?.revision ?? 0;
  if (oldest > after + 1)
    throw storageError(
      'unknownOutcome',
      'Storage lost its connection during a write, and so much was written since that nothing tells whether it was stored.',
    );
  return undefined;
}
