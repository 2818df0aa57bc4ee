import { auditJson, auditTrail } from '../domain/audit.js';
import { differing } from '../domain/checksum.js';
import { entityKey, type EntityKey } from '../domain/entity.js';
import { describe, SyncError } from '../domain/errors.js';
import { createCaller } from './caller.js';
import { createCalls } from './calls.js';
import type { SyncClient } from './client.js';
import type { Leaving } from './departures.js';
import { insertedBy } from './dependents.js';
import { fallbackStorage } from './fallbackStorage.js';
import { createGates } from './gates.js';
import { inTurns } from './inTurns.js';
import { createLeadership } from './leadership.js';
import { createLedger } from './ledger.js';
import { createLife, untilEnd } from './life.js';
import { createLiveQueries } from './liveQueries.js';
import { createMutator } from './mutator.js';
import { checkOptions, pickDefined, type SyncClientOptions } from './options.js';
import { createOutbox } from './outbox.js';
import type { Platform } from './ports.js';
import { createPullExchange } from './pullExchange.js';
import { createPuller } from './puller.js';
import { suspects } from './reading.js';
import { createReachability } from './reachability.js';
import { createRepairDesk } from './repairDesk.js';
import { createReporter } from './reporter.js';
import { createStore } from './store.js';
import { checkRequest, syncOnce, type SyncOnceOptions } from './syncOnce.js';
import { tellOutcome, type Emit } from './tellOutcome.js';
import { createSummaryCounter } from './summary.js';
import { createTopics } from './topics.js';
import { tellBreaker } from './tellBreaker.js';
import { tellDelayed } from './tellDelayed.js';
import { tellPull } from './tellPull.js';
import { createUndo } from './undo.js';
import { createWorker } from './worker.js';

/** Puts the parts together. Nothing is decided here. */
export function createSyncClient(options: SyncClientOptions, platform: Platform): SyncClient {
  const checked = checkOptions(options);
  const { namespace, collections, definitions, retry, timeoutMs } = checked;
  const { transport, realtime } = options;
  const { clock, random, createId, logger } = { ...platform, ...pickDefined(options) };
  const connectivity = options.connectivity ?? platform.connectivity();
  const reachability = createReachability(connectivity, clock, () => gates.reconnected());
  const controller = new AbortController();
  const leadership = createLeadership({
    lease: options.lease ?? platform.lease(),
    name: `holdfast:${namespace}`,
    clock,
    signal: controller.signal,
  });
  const paused = (): boolean => life.isPaused;
  const now = (): number => clock.now();
  let isOver = false; // to ask the signal costs a call of `mutate` more than to know
  controller.signal.addEventListener('abort', () => (isOver = true));
  const alive = (): void => {
    if (isOver) controller.signal.throwIfAborted();
  };

  const events = createTopics<unknown>((error) => logger.warn('holdfast: an event listener threw', error));
  const emit: Emit = (event, data) => events.publish(event, data);
  const failed = (error: unknown): void => emit('client.failure', { error });

  const storage = fallbackStorage(options.storage ?? platform.storage(), platform.fallback, (error) => {
    logger.warn(`holdfast: ${error.message}`, error.cause);
    emit('storage.degraded', { error });
  });
  const tabs = (options.tabs ?? platform.tabs()).open(namespace, () => life.heard());
  const opened = storage.open(namespace); // the rest is made while the browser looks for it
  const ledger = createLedger();
  const { ids } = ledger;
  const store = createStore(collections, createTopics<EntityKey>(failed), ids, failed);
  const summary = createSummaryCounter();
  const queries = createLiveQueries(store, ids, failed);
  const reporter = createReporter({
    ledger,
    store,
    clock,
    failed,
    facts: () => ({
      ready: life.isReady,
      paused: life.isPaused,
      leader: leadership.leads,
      online: reachability.online,
      durable: storage.durable,
      needsAuth: worker.needsAuth,
      breaker: gates.breaker,
      progress: puller?.progress,
    }),
  });
  const gates = createGates({
    clock,
    random,
    retry,
    breaker: checked.breaker,
    stored: () => ledger.breakers,
    tripped(route, breaker, stored) {
      tellBreaker(route, breaker, clock, emit);
      outbox.keepBreakers(stored).catch(failed);
      changed();
      puller?.gateMoved();
    },
  });
  const caller = createCaller({
    collections,
    definitions,
    ids,
    read: store.read,
    base: store.baseOf,
    insertOf: (key) => store.pendingOn(key).find((m) => m.undecided && insertedBy(m).includes(key))?.token,
    clock,
    maxBytes: transport?.limits.maxBytes ?? Infinity,
  });
  const outbox = createOutbox({
    storage,
    ledger,
    store,
    collections,
    clock,
    left,
    audited: (entry) => emit(entry.outcome === 'ask' ? 'conflict.asked' : 'conflict.resolved', { entry }),
    announce: () => tabs.announce(),
    writesSoon: () => worker.isBusy,
    revive: (record, seq, place, since) => {
      const mutation = caller.revive(record, seq, place, since);
      if (mutation.parked !== undefined)
        emit('mutation.parked', { token: record.token, name: record.name, error: mutation.parked });
      return mutation;
    },
    revise: (former, record) => caller.revise(former, record),
    saved(mutations) {
      for (const { token, record, settlement } of mutations) {
        settlement?.enqueued();
        emit('mutation.enqueued', { token, name: record.name });
      }
      changed();
    },
    changed,
    unreadable: reporter.once((what: string, cause: unknown) => {
      const error = new SyncError(
        'UNREADABLE',
        `The stored record ${what} could not be read (${describe(cause)}); it is left in place.`,
        { cause },
      );
      emit('storage.quarantined', { what, error });
    }),
  });
  const worker = createWorker({
    ledger,
    outbox,
    store,
    transport,
    clock,
    gates,
    reachability,
    retry,
    summary,
    createId,
    collections,
    resolverTimeoutMs: checked.resolverTimeoutMs,
    concurrency: checked.concurrency,
    timeoutMs,
    paused,
    failed,
    changed(mutations) {
      tellDelayed(mutations, ledger, emit);
      reporter.changed();
    },
  });
  const read = transport?.pull?.bind(transport);
  const puller =
    read &&
    createPuller({
      exchange: createPullExchange({ read, clock, gates, reachability, timeoutMs }),
      suspects: (from) => suspects({ ledger, store, collections }, from),
      async differing(sums) {
        await outbox.catchUp(); // what others wrote meanwhile
        return inTurns(differing(collections.keys(), sums, store.bases()), clock);
      },
      snapshots: transport?.snapshots === true,
      maxPage: transport?.maxPage ?? 1_000,
      outbox,
      ledger,
      clock,
      random,
      retry,
      gates,
      pollMs: checked.pollMs,
      paused,
      began: () => emit('sync.started', { direction: 'pull' }),
      progress(progress) {
        emit('sync.progress', progress);
        if (puller?.progress !== undefined) reporter.changed();
      },
      pulled(result) {
        if (result.kind === 'up-to-date' && ledger.pending.size === 0) ledger.syncedAt = now();
        changed();
        tellPull(result, emit);
      },
    });
  const mutator = createMutator({
    caller,
    definitions,
    ledger,
    store,
    outbox,
    createId,
    alive,
    changed: reporter.changed,
  });
  const parts = { caller, definitions, collections, ids, ledger, store, outbox, mutator };
  const repairDesk = createRepairDesk({ ...parts, now, alive });
  const undoing = createUndo(parts);

  function changed(): void {
    reporter.changed();
    worker.wake();
  }

  function left(those: readonly Leaving[]): void {
    undoing.remember(those);
    those.forEach((leaving) => {
      const { mutation, outcome } = leaving;
      if (outcome.kind === 'annulled') summary.annulled();
      if (mutation.definition?.mutationFn !== undefined && outcome.kind === 'accepted') puller?.wake(); // what its own function did to the rows, the server knows
      tellOutcome(leaving, emit);
    });
    changed();
  }

  const life = createLife({
    namespace,
    controller,
    storage,
    opened,
    outbox,
    mutator,
    worker,
    puller,
    realtime,
    leadership,
    connectivity,
    reachability,
    logger,
    changed,
    failed,
    closeTabs: () => tabs.close(),
  });
  const syncing: SyncOnceOptions = {
    worker,
    total: summary.total,
    puller,
    clock,
    begun: life.begun,
    paused,
    leads: () => leadership.leads,
    announce: () => tabs.announce(),
    emit,
  };

  return {
    namespace,
    ready: life.ready,
    store: store.api,
    status: reporter.status,
    ...createCalls(mutator),
    get: (collection, id) => store.get(collection.name, ids.resolve(collection.name, id)) as never,
    ...queries,
    keyOf: (collection, row) => ids.origin(collection.name, collection.idOf(row)),
    entityStatus: ({ name }, id) => reporter.entityStatus(entityKey(name, ids.resolve(name, id))),
    rollback: mutator.rollback,
    pending: reporter.pending,
    deadLetters: reporter.deadLetters,
    undo: undoing.undo,
    retry: repairDesk.retry,
    discard: repairDesk.discard,
    conflicts: reporter.conflicts,
    resolve: repairDesk.resolve,
    audit: () => auditTrail(ledger.audit.values()),
    exportAudit: () => auditJson(auditTrail(ledger.audit.values())),
    watchMutations: reporter.watch,
    async sync(request = {}) {
      alive();
      checkRequest(request, collections);
      return untilEnd(syncOnce(syncing, request), controller.signal, request.signal);
    },
    pause: life.pause,
    resume: life.resume,
    async flush({ signal } = {}) {
      alive();
      await life.ready;
      await outbox.idle();
      await untilEnd(reporter.settled(ledger.pending.keys(), signal), controller.signal, signal);
    },
    on: (event, listener) => events.subscribe(event, listener as (data: unknown) => void),
    dispose: life.end,
  };
}
