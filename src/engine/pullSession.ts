import { SyncError } from '../domain/errors.js';
import type { Sum } from '../domain/checksum.js';
import { readUnderWay, widened, type Checkpoint, type Wanted } from '../domain/fullRead.js';
import type { PullOperation, PullProgress, PullResult, SessionPhase } from '../domain/session.js';
import { isAborted } from './abortable.js';
import type { Ledger } from './ledger.js';
import type { Outbox } from './outbox.js';
import type { Pacing } from './pacing.js';
import type { PullReply } from './ports.js';
import { pullError, type PullExchange } from './pullExchange.js';
import type { Suspects } from './reading.js';

export interface PullSessionOptions {
  readonly exchange: PullExchange;
  readonly outbox: Outbox;
  readonly ledger: Ledger;
  /** Whether the transport has snapshots. */
  readonly snapshots: boolean;
  /** What a full read can tell to be gone. */
  readonly suspects: (from: Checkpoint) => Suspects;
  /** The collections that do not add up to what the server says. */
  readonly differing: (sums: ReadonlyMap<string, Sum>) => Promise<readonly string[]>;
}

export interface PullSessionRun {
  readonly signal: AbortSignal;
  /** Called before each request: who asks by now is answered by it. Tells what they want read anew. */
  readonly joined: () => Wanted | undefined;
  readonly pacing: Pacing;
  /** Whether it is time to compare what is here with what the server has; after a full read it always is. */
  readonly verify: boolean;
  readonly progress: (progress: PullProgress) => void;
}

/** Reads all that the server has, from the checkpoint on. A page is stored before the next one is asked for. */
export async function runPullSession(
  { exchange, outbox, ledger, snapshots, suspects, differing }: PullSessionOptions,
  { signal, joined, pacing, verify, progress }: PullSessionRun,
): Promise<PullResult> {
  let rows = 0;
  let pages = 0;
  let anew = 0;
  /** Pages in a row that brought nothing. */
  let idle = 0;
  let operation: PullOperation = 'delta';
  let isRepaired = false;
  /** A server that leads in a circle would be asked for ever. */
  const places = new Set<string>();
  const tell = (phase: SessionPhase): void => {
    const { stage, rows: done, total } = ledger.read ?? {};
    const of =
      stage === 'done' ? {} : { ...(done !== undefined && { done }), ...(total !== undefined && { total }) };
    progress({ phase, operation, pages, rows, ...of });
  };

  tell('validate');
  while (!isAborted(signal)) {
    const from: Checkpoint = { cursor: ledger.cursor, read: ledger.read };
    const read = readUnderWay(from, snapshots);
    if (read !== undefined) operation = 'full';
    const wanted = widened(joined(), read);
    if (wanted !== undefined) {
      await outbox.readAnew(from, { snapshots, ...(wanted !== 'all' && { collections: wanted }) });
      continue;
    }
    if (pages === 0 && anew === 0) tell('prepare');
    const { page, collections } = read ?? {};
    const snapshot = read?.stage === 'snapshot' ? { page, ...(collections && { collections }) } : undefined;
    const suspected = snapshot === undefined ? suspects(from) : NOBODY;
    const compares = snapshot === undefined && (verify || operation === 'full');
    const request = {
      cursor: from.cursor,
      limit: pacing.limit,
      ...(snapshot !== undefined && { snapshot }),
      ...(compares && { sums: true }),
    };
    const { revision } = ledger;
    const asked = pacing.asks();
    const reply = await exchange(request, signal);
    if (isAborted(signal)) break;
    if (reply === undefined) return failed(new SyncError('UNAVAILABLE', LEFT_ALONE));
    if (reply.kind === 'failed') {
      const error = pullError(reply);
      asked.failed(error.code === 'UNEXPECTED_RESPONSE');
      return failed(error);
    }
    if (reply.kind === 'resync') {
      const isFirst = from.cursor === undefined && snapshot?.page === undefined;
      if (isFirst || anew++ > 0) return odd('The server asks for a full read in answer to one.');
      await outbox.readAnew(from, { snapshots, elsewhere: reply.elsewhere === true });
      places.clear();
      continue;
    }
    const next = placeOf(reply);
    if (!(reply.kind === 'page' && reply.page.upToDate)) {
      if (next === placeOfRequest(request) || places.has(next))
        return odd(`The server says there is more after ${next}, and leads back there.`);
      places.add(next);
    }
    if ((reply.kind === 'snapshot') !== (snapshot !== undefined))
      return odd('The server answers something else than what was asked for.');
    asked.came();
    const entered =
      reply.kind === 'snapshot'
        ? await outbox.receiveSnapshot(reply.page, from)
        : await outbox.receive(reply.page, from, suspected);
    idle = entered === 0 ? idle + 1 : 0;
    const count = reply.kind === 'snapshot' ? reply.page.rows.length : reply.page.changes.length;
    asked.stored(count);
    rows += count;
    pages++;
    tell('execute');
    if (reply.kind === 'snapshot' || !reply.page.upToDate) {
      if (idle < MOST_IDLE) continue;
      return odd(`The server says there is more, and ${idle} pages brought nothing that was not here.`);
    }
    tell('verify');
    const now: Checkpoint = { cursor: ledger.cursor, read: ledger.read };
    if (readUnderWay(now, snapshots) !== undefined) continue;
    const { sums, cursor } = reply.page;
    const found = compares && sums !== undefined ? await differing(sums) : undefined;
    // What was written since the page was asked for, the server's sums may not know of.
    const isSettled =
      ledger.cursor === cursor && ledger.revision === revision + Number(entered !== undefined);
    const different = isSettled ? found : undefined;
    if (different !== undefined && different.length > 0 && !isRepaired) {
      isRepaired = true;
      places.clear();
      await outbox.readAnew(now, { snapshots, collections: different });
      continue;
    }
    tell('cleanup');
    const verified = different && (different.length > 0 ? 'different' : isRepaired ? 'repaired' : 'equal');
    return { kind: 'up-to-date', rows, pages, ...(verified && { verified }) };
  }
  return { kind: 'cancelled' };
}

/** What leads on and on, to nothing, is asked again after a backoff: from where it was. */
const MOST_IDLE = 100;

export const LEFT_ALONE = 'The server is to be left alone for a while: see status.breaker.';

const NOBODY: Suspects = new Map();

const failed = (error: SyncError): PullResult => ({ kind: 'failed', error });

const odd = (message: string): PullResult => failed(new SyncError('UNEXPECTED_RESPONSE', message));

function placeOf(reply: Extract<PullReply, { kind: 'page' | 'snapshot' }>): string {
  if (reply.kind === 'page') return `cursor "${reply.page.cursor}"`;
  const { next, cursor } = reply.page;
  return next === undefined ? `cursor "${cursor}"` : `page "${next}"`;
}

function placeOfRequest({
  cursor,
  snapshot,
}: {
  cursor: string | undefined;
  snapshot?: { page: string | undefined };
}): string {
  return snapshot === undefined ? `cursor "${cursor}"` : `page "${snapshot.page}"`;
}
