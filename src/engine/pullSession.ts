import { SyncError } from '../domain/errors.js';
import { readUnderWay, type Checkpoint } from '../domain/fullRead.js';
import { isAborted } from './abortable.js';
import type { Ledger } from './ledger.js';
import type { Outbox } from './outbox.js';
import type { PullReply } from './ports.js';
import { pullError, type PullExchange } from './pullExchange.js';
import type { Suspects } from './reading.js';

export type PullOperation = 'delta' | 'full';

/** Where a sync session is (PL2). */
export type SessionPhase = 'validate' | 'prepare' | 'execute' | 'verify' | 'cleanup';

export interface PullProgress {
  readonly phase: SessionPhase;
  /** `full`: everything is read, because nothing is known yet, the server has forgotten our cursor, or it was asked for. */
  readonly operation: PullOperation;
  /** Of this session, all of them stored. */
  readonly pages: number;
  readonly rows: number;
}

export type PullResult =
  | { readonly kind: 'up-to-date'; readonly rows: number; readonly pages: number }
  | { readonly kind: 'failed'; readonly error: SyncError }
  /** What was stored until then stays, and the next session goes on from there. */
  | { readonly kind: 'cancelled' };

export interface PullSessionOptions {
  readonly exchange: PullExchange;
  readonly outbox: Outbox;
  readonly ledger: Ledger;
  /** Whether the transport has snapshots. */
  readonly snapshots: boolean;
  /** What a full read can tell to be gone. */
  readonly suspects: (from: Checkpoint) => Suspects;
}

export interface PullSessionRun {
  readonly signal: AbortSignal;
  /** Called before each request: who asks by now is answered by it. True: somebody wants everything read anew. */
  readonly joined: () => boolean;
  readonly progress: (progress: PullProgress) => void;
}

/** Reads all that the server has, from the checkpoint on. A page is stored before the next one is asked for. */
export async function runPullSession(
  { exchange, outbox, ledger, snapshots, suspects }: PullSessionOptions,
  { signal, joined, progress }: PullSessionRun,
): Promise<PullResult> {
  let rows = 0;
  let pages = 0;
  let anew = 0;
  let operation: PullOperation = 'delta';
  /** A server that leads in a circle would be asked for ever. */
  const places = new Set<string>();
  const tell = (phase: SessionPhase): void => progress({ phase, operation, pages, rows });

  tell('validate');
  while (!isAborted(signal)) {
    const from: Checkpoint = { cursor: ledger.cursor, read: ledger.read };
    const read = readUnderWay(from, snapshots);
    if (read !== undefined) operation = 'full';
    if (joined() && read === undefined) {
      await outbox.readAnew(from, snapshots, false);
      continue;
    }
    if (pages === 0 && anew === 0) tell('prepare');
    const snapshot = read?.stage === 'snapshot' ? { page: read.page } : undefined;
    const suspected = snapshot === undefined ? suspects(from) : NOBODY;
    const request = { cursor: from.cursor, ...(snapshot !== undefined && { snapshot }) };
    const reply = await exchange(request, signal);
    if (isAborted(signal)) break;
    if (reply === undefined) return failed(new SyncError('UNAVAILABLE', LEFT_ALONE));
    if (reply.kind === 'failed') return failed(pullError(reply));
    if (reply.kind === 'resync') {
      const isFirst = from.cursor === undefined && snapshot?.page === undefined;
      if (isFirst || anew++ > 0) return odd('The server asks for a full read in answer to one.');
      await outbox.readAnew(from, snapshots, reply.elsewhere === true);
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
    if (reply.kind === 'snapshot') {
      await outbox.receiveSnapshot(reply.page, from);
      rows += reply.page.rows.length;
    } else {
      await outbox.receive(reply.page, from, suspected);
      rows += reply.page.changes.length;
    }
    pages++;
    tell('execute');
    const isOver = reply.kind === 'page' && reply.page.upToDate;
    if (isOver) tell('verify');
    if (isOver && readUnderWay({ cursor: ledger.cursor, read: ledger.read }, snapshots) === undefined) {
      tell('cleanup');
      return { kind: 'up-to-date', rows, pages };
    }
  }
  return { kind: 'cancelled' };
}

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
