/** What a {@link ChangeBus} subscriber is told. */
export interface BusListener {
  /** Something was committed in these scopes. */
  onChange(scopes: readonly string[]): void;
  /** The connection was lost and is back: anything may have been missed. */
  onReconnect(): void;
}

/**
 * How the instances of one server tell each other that something was committed: `postgresChangeBus()` by LISTEN and
 * NOTIFY, `natsChangeBus()` of `holdfast/nats`, or yours.
 *
 * Contract: messages are hints. They may be lost, doubled, reordered, and may come back to their sender; the counters
 * in the database are read now and then without any. A scope is text to pass on as it is.
 */
export interface ChangeBus {
  /** Tells the other instances. Rejects when it could not; it is then tried again. */
  publish(scopes: readonly string[]): Promise<void>;
  /**
   * Starts hearing. Resolves, once nothing published from now on is missed for good, with the function that ends it.
   * Comes back by itself after a lost connection.
   */
  subscribe(listener: BusListener): Promise<() => Promise<void>>;
}
