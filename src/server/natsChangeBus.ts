import type { NatsConnection } from '@nats-io/transport-node';
import type { BusListener, ChangeBus } from './changeBus.js';

/** Options of {@link natsChangeBus}. */
export interface NatsChangeBusOptions {
  /** From `connect()` of `@nats-io/transport-node`. Stays yours: close it after the server. */
  readonly connection: NatsConnection;
  /**
   * All instances on one database use the same one, and those of another database another one.
   * @default 'holdfast.change'
   */
  readonly subject?: string;
}

// A scope is a few hundred bytes at most, and a NATS message 1 MiB unless the server says otherwise.
const SCOPES_PER_MESSAGE = 500;

/** Names no scopes: whoever hears it looks at all of its own. */
const ANY_SCOPE = 'null';

/** Instances tell each other through NATS (core, without JetStream), so that the database carries no NOTIFY. */
export function natsChangeBus({ connection, subject = 'holdfast.change' }: NatsChangeBusOptions): ChangeBus {
  const listeners = new Set<BusListener>();

  /** What was told while a connection was away is lost, either way: all look. Ends with the connection. */
  async function watchConnection(): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type !== 'reconnect') continue;
      for (const listener of listeners) listener.onReconnect();
      connection.publish(subject, ANY_SCOPE);
    }
  }
  watchConnection().catch(() => undefined); // closed meanwhile

  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- a closed connection throws: it must reject
    async publish(scopes) {
      for (let from = 0; from < scopes.length; from += SCOPES_PER_MESSAGE)
        connection.publish(subject, JSON.stringify(scopes.slice(from, from + SCOPES_PER_MESSAGE)));
    },

    async subscribe(listener) {
      listeners.add(listener);
      const subscription = connection.subscribe(subject, {
        callback(error, message) {
          const scopes = error === null ? scopesIn(message.string()) : undefined;
          // Somebody was away, or it is no message of ours: better to look at everything than at nothing.
          if (scopes === undefined) listener.onReconnect();
          else listener.onChange(scopes);
        },
      });
      await connection.flush(); // answered: the NATS server has the subscription
      return () => {
        listeners.delete(listener);
        subscription.unsubscribe();
        return Promise.resolve();
      };
    },
  };
}

function scopesIn(text: string): readonly string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((scope) => typeof scope === 'string') ? parsed : undefined;
  } catch {
    return undefined;
  }
}
