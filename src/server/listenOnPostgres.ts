import type { Client, ClientConfig } from 'pg';
import { toDatabaseError, type ChannelListener } from './database.js';
import { createWakeup } from './wakeup.js';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;

/**
 * One LISTEN session that comes back by itself.
 *
 * @returns once it listens for the first time, the function that ends it.
 * @throws DatabaseError when the first connection fails.
 */
export async function listenOnPostgres(
  connection: ClientConfig,
  channel: string,
  listener: ChannelListener,
): Promise<() => Promise<void>> {
  const { default: pg } = await import('pg');
  const ended = new AbortController();

  /** Resolves with the session and with the promise of its end. */
  async function connect(): Promise<{ readonly client: Client; readonly lost: Promise<void> }> {
    const client = new pg.Client(connection);
    const lost = new Promise<void>((resolve) => {
      client.once('end', resolve);
      client.on('error', () => resolve()); // must stay: a second error without a listener ends the process
    });
    client.on('notification', ({ payload }) => listener.onMessage(payload ?? ''));
    try {
      await client.connect();
      // a channel is an identifier, which cannot be a parameter
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw toDatabaseError(error);
    }
    return { client, lost };
  }

  async function keepAlive(first: Awaited<ReturnType<typeof connect>>): Promise<void> {
    const stop = new Promise<void>((resolve) => ended.signal.addEventListener('abort', () => resolve()));
    const pause = createWakeup();
    let session: Awaited<ReturnType<typeof connect>> | undefined = first;
    let delay = FIRST_DELAY_MS;
    for (;;) {
      if (session !== undefined) {
        await Promise.race([session.lost, stop]);
        await session.client.end().catch(() => undefined);
      }
      if (ended.signal.aborted) return;
      session = await connect().catch(() => undefined);
      if (session === undefined) {
        await pause.wait(delay, ended.signal);
        delay = Math.min(delay * 2, LONGEST_DELAY_MS);
      } else {
        delay = FIRST_DELAY_MS;
        listener.onReconnect();
      }
    }
  }

  const running = keepAlive(await connect());
  return () => {
    ended.abort();
    return running;
  };
}
