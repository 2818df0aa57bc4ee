import { describe, SyncError } from '../domain/errors.js';
import type { ChangeSource } from '../engine/ports.js';

/** What is needed of a `WebSocket`. */
export interface WebSocketLike {
  addEventListener(
    type: string,
    listener: (event: {
      readonly type: string;
      readonly data?: unknown;
      readonly code?: number;
      readonly reason?: string;
    }) => void,
  ): void;
  close(): void;
}

export interface WebSocketChangesOptions {
  /**
   * Where the protocol is served, as for the transport; `/stream` is appended. A function is asked at every connection,
   * for browsers cannot send headers with a WebSocket: put a short-lived ticket into its query.
   */
  readonly url: string | (() => string | Promise<string>);
  /** @default the global `WebSocket`; where there is none this source stays silent */
  readonly WebSocket?: new (url: string) => WebSocketLike;
  /** Characters of the longest message that is looked at; a longer one ends the connection. @default 4_096 */
  readonly maxMessage?: number;
  /** Milliseconds of silence after which the connection is taken for dead. The server says something every 20 s. @default 60_000 */
  readonly silenceMs?: number;
  /** Told why a connection ended. */
  readonly onClose?: (why: { readonly code: number; readonly reason: string }) => void;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

/**
 * A WebSocket: pokes when connected (what happened meanwhile was missed) and at every `poke` or `reset`. When it closes,
 * is silent for too long or sends what no server of this protocol sends, another is opened after half to all of 1, 2, 4 …
 * at most 30 seconds.
 */
export function webSocketChanges(options: WebSocketChangesOptions): ChangeSource {
  const { url, maxMessage = 4_096, silenceMs = 60_000, random = Math.random, onClose } = options;
  if (typeof url !== 'function' && (typeof url !== 'string' || url === ''))
    throw invalid('url', 'a non-empty string or a function', url);
  if (!(maxMessage >= 256)) throw invalid('maxMessage', 'a number from 256', maxMessage);
  if (!(silenceMs > 0)) throw invalid('silenceMs', 'a positive number', silenceMs);
  return {
    listen(poke, signal, connected) {
      const platform: Pick<WebSocketChangesOptions, 'WebSocket'> = globalThis;
      const Platform = options.WebSocket ?? platform.WebSocket;
      if (Platform === undefined || signal.aborted) return;
      const Socket = Platform;
      let failures = 0;
      let timer: ReturnType<typeof setTimeout> | undefined;
      /** Ends the connection there is, or the attempt. */
      let end = (): void => undefined;
      const after = (ms: number, act: () => void): void => {
        clearTimeout(timer);
        timer = setTimeout(act, ms);
      };

      function again(code: number, reason: string): void {
        connected?.(false);
        if (signal.aborted) return;
        const bound = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures++, 30));
        after(bound * (0.5 + random() / 2), connect);
        onClose?.({ code, reason });
      }

      function connect(): void {
        let isOver = false;
        let socket: WebSocketLike | undefined;
        const over = (code: number, reason: string): void => {
          if (isOver) return;
          isOver = true;
          socket?.close();
          again(code, reason);
        };
        end = () => {
          isOver = true;
          socket?.close();
        };
        const listenOnce = (): void => after(silenceMs, () => over(4000, 'silent for too long'));
        listenOnce();
        const open = (to: string): void => {
          if (isOver) return;
          socket = new Socket(address(to));
          socket.addEventListener('open', () => {
            if (isOver) return;
            failures = 0;
            listenOnce();
            connected?.(true);
            poke();
          });
          socket.addEventListener('message', ({ data }) => {
            if (isOver) return;
            const event = eventIn(data, maxMessage);
            if (event === undefined) {
              over(4001, 'not a message of this protocol');
              return;
            }
            listenOnce();
            if (event === 'poke' || event === 'reset') poke();
          });
          socket.addEventListener('close', ({ code = 1006, reason = '' }) => over(code, reason));
        };
        Promise.resolve()
          .then(() => (typeof url === 'function' ? url() : url))
          .then(open)
          .catch((cause: unknown) => over(4002, `no connection: ${describe(cause)}`));
      }

      connect();
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          end();
        },
        { once: true },
      );
    },
  };
}

/** `/stream` below the path, with the query kept; `http` becomes `ws`, and a path is one of this page's origin. */
function address(url: string): string {
  const at = new URL(url, (globalThis as { readonly location?: { readonly href: string } }).location?.href);
  at.protocol = at.protocol.replace('http', 'ws');
  at.pathname = `${at.pathname.replace(/\/+$/, '')}/stream`;
  at.hash = '';
  return at.href;
}

/** What a message says. A length is looked at before anything is read. Undefined: no message of this protocol. */
function eventIn(data: unknown, maxMessage: number): string | undefined {
  if (typeof data !== 'string' || data.length > maxMessage) return undefined;
  try {
    const message = JSON.parse(data) as { readonly event?: unknown } | null;
    return typeof message?.event === 'string' ? message.event : undefined;
  } catch {
    return undefined;
  }
}

function invalid(name: string, must: string, value: unknown): SyncError {
  return new SyncError(
    'INVALID_OPTIONS',
    `webSocketChanges: ${name} must be ${must}, received ${describe(value)}.`,
  );
}
