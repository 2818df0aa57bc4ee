import { SyncError } from '../domain/errors.js';
import { abortable } from './abortable.js';
import type { Leadership } from './leadership.js';
import type { Mutator } from './mutator.js';
import type { Outbox } from './outbox.js';
import type { ChangeSource, Connectivity, Logger, SyncStorage } from './ports.js';
import type { Puller } from './puller.js';
import type { Reachability } from './reachability.js';
import type { Worker } from './worker.js';

/** A client from its start to its end: it reads what is stored, waits for its turn to drain, and leaves nothing behind. */
export interface Life {
  /** The storage was opened and read, or could not be. Never rejects. */
  readonly ready: Promise<void>;
  readonly isReady: boolean;
  readonly isPaused: boolean;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Another tab has written. */
  heard(): void;
  /** Resolves when this tab drains, or it is clear that another does. */
  readonly begun: () => Promise<void>;
  /** Stops everything and closes the storage (TB5). */
  readonly end: () => Promise<void>;
}

export interface LifeOptions {
  readonly namespace: string;
  /** Aborted at the end. */
  readonly controller: AbortController;
  readonly storage: SyncStorage;
  /** It is being opened already. */
  readonly opened: Promise<void>;
  readonly outbox: Outbox;
  readonly mutator: Mutator;
  readonly worker: Worker;
  readonly puller: Puller | undefined;
  readonly realtime: ChangeSource | undefined;
  readonly leadership: Leadership;
  readonly connectivity: Connectivity;
  readonly reachability: Reachability;
  readonly logger: Logger;
  readonly changed: () => void;
  readonly failed: (error: unknown) => void;
  readonly closeTabs: () => void;
}

export function createLife(options: LifeOptions): Life {
  const { controller, storage, outbox, worker, puller, leadership, connectivity, changed, failed } = options;
  const { signal } = controller;
  let isReady = false;
  let isPaused = false;
  /** Another tab has written since we read. A hint that comes during start-up must not be lost. */
  let hinted = false;

  async function start(): Promise<void> {
    try {
      await options.opened;
      await outbox.open();
    } catch (error) {
      options.logger.warn('holdfast: the outbox could not be read', error);
      failed(error);
    }
    isReady = true;
    readHints();
    options.mutator.ready();
    changed();
  }

  async function drain(): Promise<void> {
    await ready;
    await leadership.hold(async () => {
      await outbox.catchUp().catch(failed); // what the tab before us wrote last
      if (puller !== undefined) options.realtime?.listen(puller.wake, signal, puller.connected);
      await Promise.all([worker.run(signal), puller?.run(signal)]);
    });
  }

  function readHints(): void {
    if (!hinted || !isReady || signal.aborted) return;
    hinted = false;
    outbox.catchUp().catch(failed);
  }

  function networkChanged(): void {
    options.reachability.reconsider();
    if (connectivity.online) {
      worker.networkChanged();
      puller?.wake();
    }
    changed();
  }

  const unsubscribe = connectivity.subscribe(networkChanged);
  const ready = start();
  const draining = drain();

  return {
    ready,
    get isReady() {
      return isReady;
    },
    get isPaused() {
      return isPaused;
    },
    pause() {
      isPaused = true;
      changed();
    },
    resume() {
      isPaused = false;
      networkChanged();
    },
    heard() {
      hinted = true;
      readHints();
    },
    async begun() {
      await ready;
      await outbox.idle();
      await leadership.decided();
    },
    async end() {
      controller.abort(
        new SyncError('DISPOSED', `The client "${options.namespace}" was disposed; create another.`),
      );
      unsubscribe();
      await draining;
      await outbox.idle();
      options.closeTabs();
      await storage.close();
    },
  };
}

/** `work`, or the reason why either signal was aborted before. */
export function untilEnd<T>(work: Promise<T>, life: AbortSignal, own: AbortSignal | undefined): Promise<T> {
  return abortable(abortable(work, life), own);
}
