import type { AnyCollection } from '../domain/collection.js';
import { describe, SyncError } from '../domain/errors.js';
import { PRIORITIES, type Priority } from '../domain/mutation.js';
import { abortable } from './abortable.js';
import type { SyncRequest, SyncResult } from './client.js';
import type { PendingMutation } from './pendingMutation.js';
import type { Clock } from './ports.js';
import type { Puller } from './puller.js';
import { since, type ProcessingSummary } from './summary.js';
import type { Emit } from './tellOutcome.js';
import type { Worker } from './worker.js';

export interface SyncOnceOptions {
  readonly worker: Worker;
  readonly total: ProcessingSummary;
  readonly puller: Puller | undefined;
  readonly clock: Clock;
  /** Resolves when this tab drains, or it is clear that another does. */
  readonly begun: () => Promise<void>;
  readonly paused: () => boolean;
  /** Whether this tab drains. */
  readonly leads: () => boolean;
  /** Tells the tab that does drain. */
  readonly announce: () => void;
  readonly emit: Emit;
}

const DIRECTIONS: readonly unknown[] = ['push', 'pull', 'both'];
const OPERATIONS: readonly unknown[] = ['delta', 'full'];

/** @throws SyncError `INVALID_OPTIONS` */
export function checkRequest(request: SyncRequest, known: ReadonlyMap<string, AnyCollection>): void {
  const { direction = 'both', operation = 'delta', collections = [], priority = 'background' } = request;
  if (!DIRECTIONS.includes(direction)) throw invalid('direction', DIRECTIONS, direction);
  if (!OPERATIONS.includes(operation)) throw invalid('operation', OPERATIONS, operation);
  if (direction === 'push' && operation === 'full')
    throw invalid('operation of a push', ['delta'], operation);
  if (!PRIORITIES.includes(priority)) throw invalid('priority', PRIORITIES, priority);
  if (direction === 'pull' && request.priority !== undefined)
    throw invalid('priority of a pull', ['absent'], priority);
  if (!Array.isArray(collections)) throw invalid('collections', ['an array'], collections);
  for (const one of collections as readonly (AnyCollection | undefined)[])
    if (!known.has(one?.name ?? ''))
      throw invalid('each of collections', [...known.keys()], one?.name ?? one);
}

/** Sends what can be sent, then reads what is new, now. Only the tab that drains does it; another tells that one. */
export async function syncOnce(options: SyncOnceOptions, request: SyncRequest): Promise<SyncResult> {
  const { total, puller, clock, begun, announce } = options;
  const { direction = 'both', operation = 'delta', signal } = request;
  const collections = request.collections?.map(({ name }) => name);
  const before = { ...total };
  const startedAt = clock.monotonic();
  await abortable(begun(), signal);
  const result = (status: SyncResult['status'], pulled?: SyncResult['pulled']): SyncResult => ({
    status,
    summary: since(before, total, clock.monotonic() - startedAt),
    pulled,
  });
  if (options.paused()) return result('paused');
  if (!options.leads()) {
    announce();
    return result('elsewhere');
  }
  if (direction !== 'pull') await push(options, concerned(collections, request.priority), signal);
  if (direction === 'push' || puller === undefined) return result('completed');
  const pull = puller.pull({ operation, collections, signal });
  const pulled = await abortable(pull, signal);
  return result(pulled.kind === 'failed' ? 'failed' : 'completed', pulled);
}

/** Which mutations a call is about; undefined: all. */
function concerned(
  collections: readonly string[] | undefined,
  priority: Priority = 'background',
): Concerned | undefined {
  if (collections === undefined && priority === 'background') return undefined;
  return ({ record, effect }) =>
    PRIORITIES.indexOf(record.priority) <= PRIORITIES.indexOf(priority) &&
    (collections === undefined || effect.changes.some(({ collection }) => collections.includes(collection)));
}

type Concerned = (mutation: PendingMutation) => boolean;

async function push(
  { worker, emit }: SyncOnceOptions,
  of: Concerned | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const direction = 'push';
  emit('sync.started', { direction });
  try {
    await abortable(worker.quiet(of), signal);
  } catch (error) {
    emit('sync.cancelled', { direction });
    throw error;
  }
  emit('sync.completed', { direction });
}

function invalid(name: string, allowed: readonly unknown[], received: unknown): SyncError {
  return new SyncError(
    'INVALID_OPTIONS',
    `sync: ${name} must be one of ${allowed.join(', ')}, received ${describe(received)}.`,
  );
}
