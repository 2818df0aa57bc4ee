import { describe, SyncError } from '../domain/errors.js';
import type { ChangeSource } from '../engine/ports.js';

/** What is needed of an `EventSource`. */
export interface EventSourceLike {
  readonly readyState: number;
  addEventListener(type: string, listener: () => void): void;
  close(): void;
}

export interface EventSourceChangesOptions {
  /** Where the protocol is served, as for the transport; `/stream` is appended. */
  readonly url: string;
  /** @default the global `EventSource`; where there is none this source stays silent */
  readonly EventSource?: new (url: string, init?: { withCredentials?: boolean }) => EventSourceLike;
  /** Send cookies to another origin. @default false */
  readonly withCredentials?: boolean;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
const CLOSED = 2;

/**
 * Server-sent events: pokes when connected (what happened meanwhile was missed) and at every `poke` or `reset`. An
 * `EventSource` reconnects by itself while it can; when it gives up (a refused or an HTML answer) this tries again
 * after 1, 2, 4 … at most 30 seconds.
 */
export function eventSourceChanges(options: EventSourceChangesOptions): ChangeSource {
  const { url, withCredentials = false } = options;
  if (typeof url !== 'string' || url === '')
    throw new SyncError(
      'INVALID_OPTIONS',
      `eventSourceChanges: url must be a non-empty string, received ${describe(url)}.`,
    );
  const address = `${url.replace(/\/+$/, '')}/stream`;
  return {
    listen(poke, signal, connected) {
      const platform: Pick<EventSourceChangesOptions, 'EventSource'> = globalThis;
      const Source = options.EventSource ?? platform.EventSource;
      if (Source === undefined || signal.aborted) return;
      let failures = 0;
      let retry: ReturnType<typeof setTimeout> | undefined;
      let source: EventSourceLike;
      const connect = (): void => {
        const opened = (source = new Source(address, { withCredentials }));
        // A source that was replaced or closed may still have an event under way.
        const on = (type: string, act: () => void): void =>
          opened.addEventListener(type, () => {
            if (opened === source && !signal.aborted) act();
          });
        on('open', () => {
          failures = 0;
          connected?.(true);
          poke();
        });
        on('poke', poke);
        on('reset', poke);
        on('error', () => {
          connected?.(false);
          if (opened.readyState !== CLOSED || retry !== undefined) return;
          retry = setTimeout(
            () => {
              retry = undefined;
              connect();
            },
            Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures++, 30)),
          );
        });
      };
      connect();
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(retry);
          source.close();
        },
        { once: true },
      );
    },
  };
}
