import type { WSContext, WSEvents } from 'hono/ws';
import { linkAbort } from './linkAbort.js';
import type { ServerLogger } from './logger.js';
import { createWakeup } from './wakeup.js';

/**
 * For the `WebSocketServer` of `ws`: clients have nothing to say, so it closes (1009) on anything larger than a
 * kilobyte before holding it in memory.
 *
 * @example
 * const websocket = { server: new WebSocketServer(pokeSocketServer) };
 */
export const pokeSocketServer: {
  readonly noServer: true;
  readonly maxPayload: number;
  readonly perMessageDeflate: false;
} = { noServer: true, maxPayload: 1024, perMessageDeflate: false };

/** Options of {@link pokeSocket}. */
export interface PokeSocketOptions {
  /** Starts telling about new heads; resolves with the function that ends it. */
  readonly subscribe: (onChange: () => void) => Promise<() => void>;
  /** The cursor to send, read when it is sent: several changes become one poke. */
  readonly cursor: () => Promise<string>;
  /** The server closes. */
  readonly closing: AbortSignal;
  readonly heartbeatMs: number;
  readonly logger: ServerLogger;
  /** Called once when the socket is gone. */
  readonly onGone: () => void;
}

/** What sockets can do beyond the standard; used where it is there (`ws`). */
interface RawSocket {
  readonly bufferedAmount?: number;
  ping?(): void;
  on?(event: 'pong', listener: () => void): void;
  terminate?(): void;
}

/** Messages a client may send between two heartbeats. */
const MAX_CHATTER = 60;
/** Bytes that may wait to be sent before pokes are held back. */
const MAX_BACKLOG = 16 * 1024;

// RFC 6455, section 7.4.1, and the IANA registry it set up
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const MESSAGE_TOO_BIG = 1009;
const TRY_AGAIN_LATER = 1013;

/**
 * The poke stream over a WebSocket, as JSON texts: `{"event":"poke","id":"<cursor>"}` at once and after every change,
 * `{"event":"heartbeat"}` now and then. Messages of the client are counted and thrown away. A slow reader gets fewer
 * pokes, not a longer queue; one that answers no ping, or does not read for a whole beat, is cut off.
 */
export function pokeSocket(options: PokeSocketOptions): WSEvents {
  const { subscribe, cursor, closing, heartbeatMs, logger, onGone } = options;
  const bell = createWakeup();
  const gone = linkAbort(closing);
  let chatter = 0;

  async function run(ws: WSContext): Promise<void> {
    const raw = (ws.raw ?? {}) as RawSocket;
    const backedUp = (): boolean => (raw.bufferedAmount ?? 0) > MAX_BACKLOG;
    const send = (message: object): void => ws.send(JSON.stringify(message));
    let answered = true;
    raw.on?.('pong', () => (answered = true));
    const unsubscribe = await subscribe(() => bell.wake());
    try {
      bell.wake();
      let beatAt = performance.now() + heartbeatMs;
      for (let owed = false; ;) {
        const woken = await bell.wait(Math.max(0, beatAt - performance.now()), gone.signal);
        if (woken === 'aborted') break;
        if (woken === 'timeout') {
          if (!answered || backedUp()) {
            raw.terminate?.();
            break;
          }
          beatAt = performance.now() + heartbeatMs;
          chatter = 0;
          if (raw.ping) {
            answered = false;
            raw.ping();
          }
          if (!owed) send({ event: 'heartbeat' });
        }
        owed ||= woken === 'woken';
        if (!owed || backedUp()) continue;
        owed = false;
        send({ event: 'poke', id: await cursor() });
      }
    } finally {
      unsubscribe();
    }
  }

  return {
    onOpen(_event, ws) {
      run(ws)
        .then(() => ws.close(GOING_AWAY))
        .catch((error: unknown) => {
          logger.warn('A poke socket failed.', error);
          ws.close(TRY_AGAIN_LATER);
        })
        .finally(() => {
          gone.release();
          onGone();
        });
    },
    onMessage({ data }, ws) {
      const size =
        typeof data === 'string' ? data.length : data instanceof Blob ? data.size : data.byteLength;
      if (size > pokeSocketServer.maxPayload) ws.close(MESSAGE_TOO_BIG);
      else if (++chatter > MAX_CHATTER) ws.close(POLICY_VIOLATION);
    },
    onClose: () => gone.abort(),
    onError: () => gone.abort(),
  };
}
