import { linkAbort } from './linkAbort.js';
import { createWakeup } from './wakeup.js';

/** Options of {@link pokeStream}. */
export interface PokeStreamOptions {
  /** Starts telling about new heads; resolves with the function that ends it. */
  readonly subscribe: (onChange: () => void) => Promise<() => void>;
  /** The cursor to send, read when it is sent: several changes become one poke. */
  readonly cursor: () => Promise<string>;
  /** Each ends the stream: the request was aborted, or the server closes. */
  readonly signals: readonly AbortSignal[];
  /** Called once when nothing more will be sent. */
  readonly onEnd?: () => void;
  /** @default 20000 */
  readonly heartbeatMs?: number;
}

/**
 * Server-sent events that only say "there is something": `event: poke`, `id: <cursor>`. The first poke is sent at
 * once, so that a client who reconnects pulls what it missed. A slow reader gets fewer pokes, not a longer queue.
 */
export function pokeStream({
  subscribe,
  cursor,
  signals,
  onEnd = () => undefined,
  heartbeatMs = 20_000,
}: PokeStreamOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const bell = createWakeup();
  const ended = linkAbort(...signals);
  if (ended.signal.aborted) onEnd();
  else ended.signal.addEventListener('abort', onEnd, { once: true });

  return new ReadableStream<Uint8Array>(
    {
      async start() {
        const unsubscribe = await subscribe(() => bell.wake()).catch((error: unknown) => {
          ended.abort();
          throw error;
        });
        if (ended.signal.aborted) unsubscribe();
        else ended.signal.addEventListener('abort', unsubscribe, { once: true });
        bell.wake();
      },
      async pull(controller) {
        const woken = await bell.wait(heartbeatMs, ended.signal);
        switch (woken) {
          case 'woken': {
            const id = await cursor();
            controller.enqueue(encoder.encode(`event: poke\nid: ${id}\ndata: {}\n\n`));
            return;
          }
          case 'timeout':
            controller.enqueue(encoder.encode(': heartbeat\n\n'));
            return;
          case 'aborted':
            controller.close();
        }
      },
      cancel() {
        ended.abort();
      },
    },
    { highWaterMark: 1 },
  );
}
